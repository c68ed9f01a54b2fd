-- What the Landfall job web-events.v2 lands.
-- A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field out, and --columns defines typed ones.
-- topic has the values that the job names: change projection.topic.values with the job.
-- dt is projected from 2026-03-01 to NOW+1DAY: objects of other times are not read, change projection.dt.range to read them.
CREATE EXTERNAL TABLE `web_events_v2` (
  `line` string COMMENT 'a whole line of JSON'
)
COMMENT 'What the Landfall job web-events.v2 lands'
PARTITIONED BY (
  `topic` string,
  `dt` string,
  `hour` int
)
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.topic.type' = 'enum',
  'projection.topic.values' = 'clicks,views.eu',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2026-03-01,NOW+1DAY',
  'projection.dt.interval' = '1',
  'projection.dt.interval.unit' = 'DAYS',
  'projection.hour.type' = 'integer',
  'projection.hour.range' = '0,23',
  'projection.hour.digits' = '2',
  'storage.location.template' = 's3://lake/${topic}/dt=${dt}/hour=${hour}/'
);
