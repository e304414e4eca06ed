//! The format of the file as types. Nobody makes values of them: the JSON Schema for editors and the lists of known
//! keys are generated from them, and their comments are what an editor shows beside a key.

#![expect(dead_code, reason = "only the derived schemas of these types are read")]

use std::collections::HashMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

/// Where the schema says that it is from.
const ID: &str = "urn:tasker:template:1";

/// A task template: a kind of task, its context, its steps, which waits for which, and what carries each out.
#[derive(JsonSchema)]
#[schemars(rename = "Template", deny_unknown_fields)]
pub(super) struct TaskFile {
    /// Name of the task type; with namespace and version the name of the definition.
    #[schemars(length(max = 64), regex(pattern = r"\S"))]
    name: String,
    /// Namespace of the task type.
    #[schemars(length(max = 64), regex(pattern = r"\S"), extend("default" = "default"))]
    namespace_name: Option<String>,
    /// Version of this definition: three numbers with dots between them.
    #[schemars(length(max = 16), regex(pattern = r"^[0-9]+\.[0-9]+\.[0-9]+$"), extend("default" = "0.1.0"))]
    version: Option<String>,
    /// What the task type is for.
    #[schemars(length(max = 255))]
    description: Option<String>,
    /// Module of the class in a Rails application; checked for its type, without effect.
    #[schemars(regex(pattern = r"\S"))]
    module_namespace: Option<String>,
    /// The class in a Rails application; kept, not used.
    #[schemars(regex(pattern = r"\S"))]
    task_handler_class: String,
    /// Known to the original; checked for its type, without effect.
    #[schemars(extend("default" = true))]
    concurrent: Option<bool>,
    /// The system that steps talk to which name none.
    #[schemars(length(max = 64), regex(pattern = r"\S"), extend("default" = "unknown"))]
    default_dependent_system: Option<String>,
    /// A closed list: every step and dependency must be in it.
    #[schemars(inner(length(max = 128), regex(pattern = r"\S")), extend("uniqueItems" = true))]
    named_steps: Option<Vec<String>>,
    /// JSON Schema of the context: draft 4, 6, 7, 2019-09 or 2020-12 as its `$schema` says, draft 6 without one.
    schema: Option<Map<String, Value>>,
    /// The steps.
    #[schemars(length(min = 1))]
    step_templates: Vec<StepFile>,
    /// What an environment changes, by its name. Steps are found by their `name`; overlays cannot add steps.
    environments: Option<HashMap<String, Overlay>>,
    /// Events of the task type.
    custom_events: Option<Vec<EventFile>>,
    /// Known to the original; checked for its type, without effect.
    handler_config: Option<Map<String, Value>>,
    /// Judge the context as the original does: every property that the schema lists is required, others and an empty
    /// context are refused.
    #[schemars(extend("default" = false))]
    strict: Option<bool>,
    /// One dead step ends the task: nothing new starts, what runs is told to stop.
    #[schemars(extend("default" = false))]
    fail_fast: Option<bool>,
    /// Whether waits before a retry are stretched by chance; a step's own counts more.
    #[schemars(extend("default" = true))]
    jitter: Option<bool>,
    /// Queue of steps without their own; the namespace unless given.
    #[schemars(length(max = 64), regex(pattern = r"\S"))]
    queue: Option<String>,
    /// Priority of steps without their own: one point is worth one minute of waiting in line.
    #[schemars(range(min = -2_147_483_648, max = 2_147_483_647), extend("default" = 0))]
    priority: Option<i64>,
    /// The longest that one attempt may take, for steps without their own: seconds, three decimals at most.
    #[schemars(range(min = 0.001, max = 31_536_000))]
    timeout_seconds: Option<f64>,
}

/// A step.
#[derive(JsonSchema)]
#[schemars(rename = "Step", deny_unknown_fields)]
pub(super) struct StepFile {
    /// Name of the step, unique in the template.
    #[schemars(length(max = 128), regex(pattern = r"\S"))]
    name: String,
    /// What the step does; the name unless given.
    #[schemars(length(max = 255))]
    description: Option<String>,
    /// The system that the step talks to; the template's `default_dependent_system` unless given.
    #[schemars(length(max = 64), regex(pattern = r"\S"))]
    dependent_system: Option<String>,
    /// Name of the handler that carries the step out, such as `command` or `http`.
    #[schemars(regex(pattern = r"\S"))]
    handler_class: String,
    /// The step that this one waits for.
    #[schemars(length(max = 128), regex(pattern = r"\S"))]
    depends_on_step: Option<String>,
    /// The steps that this one waits for. Both keys together count.
    #[schemars(inner(length(max = 128), regex(pattern = r"\S")))]
    depends_on_steps: Option<Vec<String>>,
    /// `false`: a single attempt.
    #[schemars(extend("default" = true))]
    default_retryable: Option<bool>,
    /// Attempts in all, the first included; 0 counts as 1.
    #[schemars(range(min = 0, max = 2_147_483_647), extend("default" = 3))]
    default_retry_limit: Option<i64>,
    /// Whether a request may bypass the step.
    #[schemars(extend("default" = false))]
    skippable: Option<bool>,
    /// Settings of the handler.
    #[schemars(default, schema_with = "handler_config")]
    handler_config: Option<()>,
    /// Events that the step's handler publishes.
    custom_events: Option<Vec<EventFile>>,
    /// Whether waits before a retry are stretched by chance; the template's unless given.
    jitter: Option<bool>,
    /// Queue that the step is put into; the template's unless given.
    #[schemars(length(max = 64), regex(pattern = r"\S"))]
    queue: Option<String>,
    /// Steps of higher priority are taken first: one point is worth one minute of waiting in line.
    #[schemars(range(min = -2_147_483_648, max = 2_147_483_647))]
    priority: Option<i64>,
    /// The longest that one attempt may take: seconds, three decimals at most.
    #[schemars(range(min = 0.001, max = 31_536_000))]
    timeout_seconds: Option<f64>,
    /// The longest that all attempts and waits of the step may take together, from the moment at which it could first run:
    /// seconds, three decimals at most. After it the step is dead.
    #[schemars(range(min = 0.001, max = 31_536_000))]
    deadline_seconds: Option<f64>,
}

/// An event that a task type or a step declares.
#[derive(JsonSchema)]
#[schemars(rename = "Event", deny_unknown_fields)]
pub(super) struct EventFile {
    /// Namespace, dot and name, such as `order.fulfilled`. Without a dot the template's namespace stands in front.
    #[schemars(
        regex(pattern = r"\S"),
        extend("allOf" = [
            { "pattern": r"^[^.]+(\..+)?$" },
            { "not": { "pattern": r"^([tT][aA][sS][kK]|[sS][tT][eE][pP]|[wW][oO][rR][kK][fF][lL][oO][wW]|[oO][bB][sS][eE][rR][vV][aA][bB][iI][lL][iI][tT][yY]|[tT][eE][sS][tT])\." } },
        ])
    )]
    name: String,
    /// What the event says.
    description: Option<String>,
}

/// Settings of a handler of type `api`; more keys are the handler's own business.
#[derive(JsonSchema)]
#[schemars(rename = "ApiSettings")]
struct ApiFile {
    /// Absolute URL; placeholders such as `{cart_id}` may follow the host.
    #[schemars(regex(pattern = r"^[A-Za-z][A-Za-z0-9+.-]*://[^/\s]"))]
    url: String,
    /// Parameters of the request.
    params: Option<Map<String, Value>>,
    /// Headers of the request.
    headers: Option<HashMap<String, String>>,
    /// Settings of the connection.
    #[schemars(extend("x-null" = true))]
    ssl: Option<Map<String, Value>>,
    /// Whether waits grow with each attempt.
    enable_exponential_backoff: Option<bool>,
    /// Seconds before the first retry.
    #[schemars(range(min = 0))]
    retry_delay: Option<f64>,
    /// How much of a wait chance may add.
    #[schemars(range(min = 0, max = 1))]
    jitter_factor: Option<f64>,
}

/// Stands for the keys of [`TaskFile`], none of them required: [`json_schema`] fills it in.
struct Overlay;

impl JsonSchema for Overlay {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Overlay".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object" })
    }
}

fn handler_config(generator: &mut SchemaGenerator) -> Schema {
    let api = generator.subschema_for::<ApiFile>();
    json_schema!({
        "type": "object",
        "if": { "properties": { "type": { "const": "api" } }, "required": ["type"] },
        "then": api,
    })
}

/// The keys that the type has.
pub(super) fn keys_of<T: JsonSchema>() -> Vec<String> {
    let schema = SchemaGenerator::new(settings()).into_root_schema_for::<T>();
    schema
        .get("properties")
        .and_then(Value::as_object)
        .map(|properties| properties.keys().cloned().collect())
        .unwrap_or_default()
}

/// The JSON Schema (draft 2020-12) of a template's file, for editors and other programs; objects have their keys in
/// alphabetical order. It judges the form only: what holds between steps, and whether the context schema is one, is for
/// [`crate::template::parse`].
pub fn json_schema() -> Value {
    let mut schema = SchemaGenerator::new(settings()).into_root_schema_for::<TaskFile>().to_value();
    adapted(&mut schema);
    own_keys_allowed(&mut schema);
    let overlay = overlay_of(&schema);
    let overlay_step = overlay_step_of(&schema);
    schema["$id"] = ID.into();
    schema["$defs"]["Overlay"] = overlay;
    schema["$defs"]["OverlayStep"] = overlay_step;
    schema["properties"]["environments"]["additionalProperties"] =
        serde_json::json!({ "anyOf": [{ "type": "null" }, { "$ref": "#/$defs/Overlay" }] });
    schema.sort_all_objects();
    schema
}

fn settings() -> SchemaSettings {
    SchemaSettings::draft2020_12()
}

/// Takes out what the derive adds and the format does not mean: an optional key may be left out, but not be null.
fn adapted(schema: &mut Value) {
    let children: Vec<&mut Value> = match schema {
        Value::Object(members) => {
            if members.get("default").is_some_and(Value::is_null) {
                members.remove("default");
            }
            // `int64` and `double` are words of OpenAPI, which editors do not know.
            if members.get("format").is_some_and(Value::is_string) {
                members.remove("format");
            }
            if members.contains_key("x-null") {
                members.remove("x-null");
            } else if let Some(Value::Array(types)) = members.get_mut("type")
                && types.len() == 2
            {
                types.retain(|name| name != "null");
                let only = types.swap_remove(0);
                members.insert("type".to_owned(), only);
            }
            members.values_mut().collect()
        }
        Value::Array(elements) => elements.iter_mut().collect(),
        _ => return,
    };
    children.into_iter().for_each(adapted);
}

/// Keys that begin with `x-` are the author's own.
fn own_keys_allowed(schema: &mut Value) {
    let own = serde_json::json!({ "^x-": true });
    schema["patternProperties"] = own.clone();
    for name in ["Step", "Event"] {
        schema["$defs"][name]["patternProperties"] = own.clone();
    }
}

/// The template's keys, none required, with steps that need only their name.
fn overlay_of(schema: &Value) -> Value {
    let mut properties = Map::new();
    for key in schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key) {
        if key != "environments" {
            properties.insert(key.clone(), serde_json::json!({ "$ref": format!("#/properties/{key}") }));
        }
    }
    properties.insert(
        "step_templates".to_owned(),
        serde_json::json!({ "type": "array", "items": { "$ref": "#/$defs/OverlayStep" } }),
    );
    serde_json::json!({
        "description": "What an environment changes.",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "patternProperties": { "^x-": true },
    })
}

fn overlay_step_of(schema: &Value) -> Value {
    let mut step = schema["$defs"]["Step"].clone();
    step["description"] = "What an environment changes of the step of this name.".into();
    step["required"] = serde_json::json!(["name"]);
    step["properties"]["handler_config"] = serde_json::json!({ "type": "object" });
    step
}
