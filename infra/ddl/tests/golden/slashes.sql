-- What the Landfall job audit lands.
-- A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field out, and --columns defines typed ones.
-- dt is projected from NOW-3YEARS to NOW+1DAY: objects of other times are not read, change projection.dt.range to read them.
-- The folder {partition} of the key is no column: a partition is read with all that lies below it.
CREATE EXTERNAL TABLE `audit` (
  `line` string COMMENT 'a whole line of JSON'
)
COMMENT 'What the Landfall job audit lands'
PARTITIONED BY (
  `dt` string
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/audit/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy/MM/dd/HH',
  'projection.dt.range' = 'NOW-3YEARS,NOW+1DAY',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'HOURS',
  'storage.location.template' = 's3://lake/audit/${dt}/'
);
