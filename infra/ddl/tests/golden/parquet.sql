-- What the Landfall job orders lands.
-- lines.in stock is left out: Athena has no such name, rename it in sink.columns.
-- Athena shows milliseconds of a time, the files have microseconds.
-- year is projected from 2026 to NOW+1DAY: objects of other times are not read, change projection.year.range to read them.
CREATE EXTERNAL TABLE `orders` (
  `id` bigint,
  `lines` array<struct<`sku`:string,`price`:decimal(18,4)>>,
  `count` int,
  `score` float,
  `total` double,
  `paid` boolean,
  `day_of_order` date,
  `amount` decimal(38,10),
  `placed_at` timestamp,
  `raw` string COMMENT 'JSON',
  `_rest` string COMMENT 'JSON, what no other column took',
  `_topic` string,
  `_partition` int,
  `_offset` bigint,
  `_timestamp` timestamp,
  `_key` binary,
  `_headers` array<struct<`name`:string,`value`:binary>>
)
COMMENT 'What the Landfall job orders lands'
PARTITIONED BY (
  `year` string,
  `month` int,
  `day` int
)
STORED AS PARQUET
LOCATION 's3://lake/orders/'
TBLPROPERTIES (
  'classification' = 'parquet',
  'projection.enabled' = 'true',
  'projection.year.type' = 'date',
  'projection.year.format' = 'yyyy',
  'projection.year.range' = '2026,NOW+1DAY',
  'projection.year.interval' = '1',
  'projection.year.interval.unit' = 'YEARS',
  'projection.month.type' = 'integer',
  'projection.month.range' = '1,12',
  'projection.month.digits' = '2',
  'projection.day.type' = 'integer',
  'projection.day.range' = '1,31',
  'projection.day.digits' = '2',
  'storage.location.template' = 's3://lake/orders/year=${year}/month=${month}/day=${day}/'
);
