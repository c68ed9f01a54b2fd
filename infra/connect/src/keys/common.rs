//! Keys that Connect gives to every sink.

use crate::definition::KeyType::{Boolean, Class, Int, List, Long, String};
use crate::definition::Preset::{Nothing, Required, Value};
use crate::definition::{Definition as D, Group};

const RETRIES: &str = "converters and transforms do nothing that could be tried again";
const NO_JAVA: &str = "no Java code runs";
const LOGGED: &str = "dead letters are logged and counted in any case";

pub(super) const GROUPS: &[Group] = &[
    Group {
        name: "Common",
        keys: &[
            D::new("name", String, Required, "Name of the connector and of the job it becomes."),
            D::new("connector.class", Class, Required, "The sink whose keys the config is written in."),
            D::new("tasks.max", Int, Value("1"), "The most workers that take part in the job at once."),
            D::new("tasks.max.enforce", Boolean, Value("true"), "Whether more tasks than that are an error.")
                .idle("there are never more workers than tasks.max"),
            D::new("key.converter", Class, Nothing, "How keys are decoded."),
            D::new("value.converter", Class, Required, "How values are decoded; only JSON without a schema lands.")
                .offers(&["org.apache.kafka.connect.json.JsonConverter"]),
            D::new("header.converter", Class, Nothing, "How headers are decoded."),
            D::new("connector.plugin.version", String, Nothing, "Which release of the sink runs.").idle(NO_JAVA),
            D::new(
                "config.action.reload",
                String,
                Value("restart"),
                "What happens when a config provider's value changes.",
            )
            .idle("a config holds no references to secrets"),
        ],
    },
    Group {
        name: "Topics",
        keys: &[
            D::new("topics", List, Value(""), "The topics to land."),
            D::new("topics.regex", String, Value(""), "A pattern of whole topic names to land."),
        ],
    },
    Group {
        name: "Transforms",
        keys: &[
            D::new(
                "transforms",
                List,
                Value(""),
                "Names of transforms; only filters of tombstones and topics are supported.",
            ),
            D::new("predicates", List, Value(""), "Names of predicates that transforms use."),
        ],
    },
    Group {
        name: "Error Handling",
        keys: &[
            D::new("errors.retry.timeout", Long, Value("0"), "How long a failed conversion is tried again.")
                .idle(RETRIES),
            D::new("errors.retry.delay.max.ms", Long, Value("60000"), "The longest pause between such tries.")
                .idle(RETRIES),
            D::new("errors.tolerance", String, Value("none"), "Whether records that cannot land stop the job.")
                .offers(&["none", "all"]),
            D::new("errors.log.enable", Boolean, Value("false"), "Whether such records are logged.").idle(LOGGED),
            D::new("errors.log.include.messages", Boolean, Value("false"), "Whether the log repeats their contents.")
                .idle("a log never repeats records; dead letters hold them whole"),
            D::new("errors.deadletterqueue.topic.name", String, Value(""), "A topic for records that cannot land."),
            D::new(
                "errors.deadletterqueue.topic.replication.factor",
                Int,
                Value("3"),
                "Replicas of that topic where it is created.",
            )
            .idle("the brokers' default.replication.factor holds for a topic that is created"),
            D::new(
                "errors.deadletterqueue.context.headers.enable",
                Boolean,
                Value("false"),
                "Whether its records say what was wrong.",
            )
            .idle("dead letters always say what was wrong"),
        ],
    },
];
