-- What the Landfall job bids lands.
-- A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field out, and --columns defines typed ones.
-- dt is projected from NOW-3YEARS to NOW+1DAY: objects of other times are not read, change projection.dt.range to read them.
CREATE EXTERNAL TABLE `bids` (
  `line` string COMMENT 'a whole line of JSON'
)
COMMENT 'What the Landfall job bids lands'
PARTITIONED BY (
  `dt` string,
  `hour` int
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/bids/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = 'NOW-3YEARS,NOW+1DAY',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://lake/bids/dt=${dt}/hour=${hour}/'
);
