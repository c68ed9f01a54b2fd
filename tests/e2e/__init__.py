"""End to end on real Kafka and a real S3 server: the built binary, driven from outside."""
