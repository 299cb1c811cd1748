//! The document as a page, rendered here, without scripts and without anything from elsewhere.

use maud::{DOCTYPE, Markup, html};
use serde_json::{Map, Value};

pub(super) const STYLE: &str = include_str!("style.css");

const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

/// The whole page.
pub(super) fn page(document: &Value) -> String {
    let info = &document["info"];
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (text(&info["title"])) }
                link rel="stylesheet" href="/docs/style.css";
            }
            body {
                h1 { (text(&info["title"])) " " small { (text(&info["version"])) } }
                p { (text(&info["description"])) }
                p { a href="/openapi.json" { "The document" } " for programs." }
                @for tag in items(&document["tags"]) { (group(document, tag)) }
                h2 { "Schemas" }
                @for (name, schema) in members(&document["components"]["schemas"]) {
                    (schema_section(name, schema))
                }
            }
        }
    };
    page.into_string()
}

fn group(document: &Value, tag: &Value) -> Markup {
    html! {
        h2 { (text(&tag["name"])) }
        p { (text(&tag["description"])) }
        @for (path, item) in members(&document["paths"]) {
            @for method in METHODS {
                @let operation = &item[method];
                @if items(&operation["tags"]).contains(&tag["name"]) {
                    (operation_section(method, path, operation))
                }
            }
        }
    }
}

fn operation_section(method: &str, path: &str, operation: &Value) -> Markup {
    html! {
        section id=(text(&operation["operationId"])) {
            h3 { code { (method.to_uppercase()) " " (path) } }
            p { (text(&operation["summary"])) }
            @if operation["description"].is_string() { p { (text(&operation["description"])) } }
            @if operation["x-roles"].is_array() {
                p { "For the roles " (listed(&operation["x-roles"])) "." }
            }
            @if operation["parameters"].is_array() {
                table {
                    tr { th { "Parameter" } th { "In" } th { "Type" } th { "Meaning" } }
                    @for parameter in items(&operation["parameters"]) {
                        tr {
                            td { code { (text(&parameter["name"])) } }
                            td { (text(&parameter["in"])) }
                            td { (kind(&parameter["schema"])) }
                            td { (text(&parameter["description"])) }
                        }
                    }
                }
            }
            @for (name, content) in members(&operation["requestBody"]["content"]).take(1) {
                p { "Body: " (kind(&content["schema"])) " as " code { (name) } }
            }
            table {
                tr { th { "Answer" } th { "Type" } th { "Headers" } th { "Meaning" } }
                @for (status, answer) in members(&operation["responses"]) {
                    tr {
                        td { (status) }
                        td {
                            @for (_, content) in members(&answer["content"]) {
                                (kind(&content["schema"]))
                            }
                        }
                        td { (names(&answer["headers"])) }
                        td { (text(&answer["description"])) }
                    }
                }
            }
        }
    }
}

fn schema_section(name: &str, schema: &Value) -> Markup {
    let required = items(&schema["required"]);
    html! {
        section id={ "schema-" (name) } {
            h3 { (name) }
            p { (text(&schema["description"])) }
            table {
                tr { th { "Member" } th { "Type" } th { "Meaning" } }
                @for (member, shape) in members(&schema["properties"]) {
                    tr {
                        td {
                            code { (member) }
                            @if required.iter().any(|name| name == member) { " *" }
                        }
                        td { (kind(shape)) }
                        td { (text(&shape["description"])) }
                    }
                }
            }
            @for example in items(&schema["examples"]) {
                pre { (serde_json::to_string_pretty(example).unwrap_or_default()) }
            }
        }
    }
}

/// A schema in a few words, with a link when it has a name.
fn kind(schema: &Value) -> Markup {
    if let Some(name) = text(&schema["$ref"]).strip_prefix("#/components/schemas/") {
        return html! { a href={ "#schema-" (name) } { (name) } };
    }
    let choices = items(&schema["enum"]);
    if !choices.is_empty() {
        let choices: Vec<String> = choices.iter().map(text_or_json).collect();
        return html! { (choices.join(" | ")) };
    }
    let either = items(&schema["oneOf"]);
    if !either.is_empty() {
        return html! {
            @for (index, one) in either.iter().enumerate() {
                @if index > 0 { " | " }
                (kind(one))
            }
        };
    }
    let types = match schema["type"].as_array() {
        Some(types) => types.iter().map(text).collect::<Vec<_>>().join(" | "),
        None => text(&schema["type"]).to_owned(),
    };
    html! {
        (types)
        @if schema["items"].is_object() { " of " (kind(&schema["items"])) }
        @if schema["additionalProperties"].is_object() {
            " of " (kind(&schema["additionalProperties"]))
        }
        @if schema["format"].is_string() { " (" (text(&schema["format"])) ")" }
        @if schema["maximum"].is_number() {
            ", " (schema["minimum"].to_string()) " to " (schema["maximum"].to_string())
        }
        @if schema["maxLength"].is_number() {
            ", up to " (schema["maxLength"].to_string()) " characters"
        }
    }
}

fn text_or_json(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn listed(names: &Value) -> String {
    items(names).iter().map(text).collect::<Vec<_>>().join(", ")
}

fn names(object: &Value) -> String {
    members(object).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}
