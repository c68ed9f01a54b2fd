-- What the Landfall job everything lands.
-- Warning: What the job dead-letters lies below the table, at letters/everything/, and is read as rows: set dead_letter.s3 to a folder outside of it.
-- What the fleet keeps of its jobs lies below the table, at _landfall/. Athena passes over folders that begin with _ or a dot, other readers may not: give sink.key a folder of its own to be sure.
-- A job of JSON lines knows no columns, so a row is a whole line: json_extract_scalar(line, ...) takes a field out, and --columns defines typed ones.
-- All objects below s3://lake/ are read, whoever wrote them.
CREATE EXTERNAL TABLE `everything` (
  `line` string COMMENT 'a whole line of JSON'
)
COMMENT 'What the Landfall job everything lands'
ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://lake/';
