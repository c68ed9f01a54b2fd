-- What the Landfall job bids lands.
-- A value that does not fit its column fails the query.
-- dt is projected from NOW-3YEARS to NOW+1DAY: objects of other times are not read, change projection.dt.range to read them.
CREATE EXTERNAL TABLE `ads`.`typed_bids` (
  `id` bigint,
  `deviceid` string,
  `ts` bigint COMMENT 'milliseconds since 1970',
  `at` string COMMENT 'RFC 3339, from_iso8601_timestamp reads it',
  `price` decimal(18,4),
  `geo` struct<`country`:string,`lat`:double>,
  `tags` array<string>
)
COMMENT 'What the Landfall job bids lands'
PARTITIONED BY (
  `dt` string,
  `hour` int
)
ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/bids/'
TBLPROPERTIES (
  'classification' = 'json',
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
