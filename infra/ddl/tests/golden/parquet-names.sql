-- What the Landfall job 2nd-orders lands.
-- Athena promises no column but of letters, digits and _: if unit price is refused, rename it in sink.columns.
-- geo.lat is left out: Athena has no such name, rename it in sink.columns.
-- device.os.version is left out: Athena has no such name, rename it in sink.columns.
-- The column country_partition is what the key calls country.
-- The column by_week is what the key calls by-week.
-- Every query must give country_partition one value (where country_partition = ...), as the object key has it: percent-encoded, __empty__ for an empty one, __null__ for none.
-- Every query must give tenant one value (where tenant = ...), as the object key has it: percent-encoded, __empty__ for an empty one, __null__ for none.
-- Every query must give by_week one value (where by_week = ...), as the object key has it: percent-encoded, __empty__ for an empty one, __null__ for none.
-- Every query must give topic one value (where topic = ...), as the object key has it: percent-encoded, __empty__ for an empty one, __null__ for none.
CREATE EXTERNAL TABLE `2nd_orders` (
  `country` string,
  `select` string,
  `1st` bigint,
  `_id` string,
  `unit price` double,
  `device` struct<`os`:string,`timestamp`:bigint>
)
COMMENT 'What the Landfall job 2nd-orders lands'
PARTITIONED BY (
  `country_partition` string,
  `tenant` string,
  `by_week` string,
  `topic` string
)
STORED AS PARQUET
LOCATION 's3://lake/orders/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.country_partition.type' = 'injected',
  'projection.tenant.type' = 'injected',
  'projection.by_week.type' = 'injected',
  'projection.topic.type' = 'injected',
  'storage.location.template' = 's3://lake/orders/country=${country_partition}/tenant=${tenant}/by-week=${by_week}/${topic}/'
);
