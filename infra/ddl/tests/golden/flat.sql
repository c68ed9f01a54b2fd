-- What the Landfall job flat lands.
-- A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field out, and --columns defines typed ones.
-- All objects below s3://lake/it_s/flat/ are read, whoever wrote them: the folder {field:country} of the key has no name, so it is no column. Write name={field:country} in sink.key to have one.
-- Warning: Athena passes over names that begin with _ or a dot. In {field:country} of the key that is values such as __null__ and __empty__: these rows are not read.
CREATE EXTERNAL TABLE `flat` (
  `line` string COMMENT 'a whole line of JSON'
)
COMMENT 'What the Landfall job flat lands'
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/it\'s/flat/';
