-- What the Landfall job clicks lands.
-- Keys that are no names in Athena: geo.code is geo_code, user-id is user_id.
-- Only the OpenX SerDe reads such keys and json columns. It makes a value null that does not fit its column, and the documentation of Athena prefers the Hive SerDe, which a table without them has.
-- month is projected from 2026-01 to NOW+1DAY: objects of other times are not read, change projection.month.range to read them.
CREATE EXTERNAL TABLE `clicks` (
  `topic` string,
  `partition` int,
  `offset` bigint,
  `timestamp` bigint COMMENT 'milliseconds since 1970',
  `key` string COMMENT 'base64',
  `headers` array<array<string>> COMMENT 'pairs of a name and base64',
  `value` struct<`user_id`:bigint,`geo_code`:string,`extra`:string,`select`:boolean>
)
COMMENT 'What the Landfall job clicks lands'
PARTITIONED BY (
  `month` string
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES (
  'mapping.geo_code' = 'geo.code',
  'mapping.user_id' = 'user-id'
)
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/clicks/'
TBLPROPERTIES (
  'classification' = 'json',
  'projection.enabled' = 'true',
  'projection.month.type' = 'date',
  'projection.month.format' = 'yyyy-MM',
  'projection.month.range' = '2026-01,NOW+1DAY',
  'projection.month.interval' = '1',
  'projection.month.interval.unit' = 'MONTHS',
  'storage.location.template' = 's3://lake/clicks/month=${month}/'
);
