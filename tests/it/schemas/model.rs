//! What an event of each type looks like, as a JSON Schema.

use serde_json::{Map, Value, json};

/// How much a schema says.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// What receivers may rely on.
    Published,
    /// All fields and no others.
    Strict,
}

/// Returns the schema of a type of events.
pub fn schema(event_type: &str, form: Form) -> Value {
    let shape = Shape { form };
    let (subject, verb) = event_type.split_once('.').unwrap();
    let data = match subject {
        "role" if verb == "content_changed" => shape.about_content(),
        "user" | "role" | "group" => shape.about_record(subject, verb),
        "access" => shape.about_access(),
        "space" => shape.about_space(),
        "sync" => shape.about_sync(verb),
        "endpoint" => shape.about_endpoint(verb),
        "history" => shape.about_history(),
        other => panic!("nobody knows `{other}`"),
    };
    let mut fields = vec![
        (
            "id",
            json!({ "type": "string", "pattern": "^evt_[0-9a-z_]+$" }),
        ),
        ("type", json!({ "const": event_type })),
        ("timestamp", time()),
        ("data", data),
    ];
    match event_type {
        "endpoint.test" => {}
        "endpoint.disabled" | "history.lost" => fields.push(("sequence", counted())),
        _ => {
            fields.push(("sequence", counted()));
            fields.push(("account", shape.account()));
        }
    }
    let mut schema = shape.all_of(fields);
    schema["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    schema["title"] = json!(event_type);
    schema
}

struct Shape {
    form: Form,
}

fn text() -> Value {
    json!({ "type": "string" })
}

fn time() -> Value {
    json!({ "type": "string", "format": "date-time" })
}

fn counted() -> Value {
    json!({ "type": "integer", "minimum": 0 })
}

fn flag() -> Value {
    json!({ "type": "boolean" })
}

fn list(of: &Value) -> Value {
    json!({ "type": "array", "items": of })
}

/// Allows null as well: there is no value, or it is not visible to us.
fn or_null(mut schema: Value) -> Value {
    match schema["type"].take() {
        Value::String(one) => {
            schema["type"] = json!([one, "null"]);
            schema
        }
        other => panic!("{other} has no null"),
    }
}

fn null() -> Value {
    json!({ "type": "null" })
}

impl Shape {
    /// An object with all of these fields.
    fn all_of(&self, fields: Vec<(&str, Value)>) -> Value {
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        self.object(&names.clone(), fields)
    }

    fn object(&self, required: &[&str], fields: Vec<(&str, Value)>) -> Value {
        let mut required = required.to_vec();
        required.sort_unstable();
        let fields = fields.into_iter();
        let fields: Map<_, _> = fields.map(|(name, of)| (name.to_owned(), of)).collect();
        let mut object = json!({
            "type": "object", "properties": fields, "required": required,
        });
        if self.form == Form::Strict {
            object["additionalProperties"] = json!(false);
        }
        object
    }

    /// An object whose fields may be kept from an endpoint.
    fn record(&self, fields: Vec<(&str, Value)>) -> Value {
        match self.form {
            Form::Strict => self.all_of(fields),
            Form::Published => {
                let ids = ["id", "remote_id"];
                let required: Vec<_> = ids
                    .into_iter()
                    .filter(|id| fields.iter().any(|(name, _)| name == id))
                    .collect();
                self.object(&required, fields)
            }
        }
    }

    fn account(&self) -> Value {
        self.all_of(vec![
            ("id", text()),
            ("name", text()),
            ("region", or_null(text())),
        ])
    }

    fn about_record(&self, kind: &str, verb: &str) -> Value {
        let record = match kind {
            "user" => self.user(),
            "role" => self.role(),
            _ => self.group(),
        };
        let mut fields = vec![("record", record), ("version", counted())];
        match verb {
            "created" => {
                fields.push((
                    "replaces",
                    self.all_of(vec![("id", text()), ("remote_id", text())]),
                ));
                self.object(&["record", "version"], fields)
            }
            "updated" => {
                fields.push(("changes", self.changes(kind)));
                self.all_of(fields)
            }
            _ => self.all_of(fields),
        }
    }

    /// The changed fields, before and after; fields that did not change are left out.
    fn changes(&self, kind: &str) -> Value {
        let coded = or_null(self.coded());
        let reference = self.object(
            &["remote_id"],
            vec![("remote_id", text()), ("name", text())],
        );
        let one = |of: Value| self.all_of(vec![("before", of.clone()), ("after", of)]);
        let many = |of: Value| {
            let whole = or_null(list(&of));
            json!({ "anyOf": [
                self.all_of(vec![("added", list(&of)), ("removed", list(&of))]),
                one(whole),
            ] })
        };
        let word = || one(or_null(text()));
        let moment = || one(or_null(time()));
        let fields = match kind {
            "user" => vec![
                ("username", word()),
                ("name", word()),
                ("primary_email_address", word()),
                ("status", one(coded)),
                ("is_bot_user", one(flag())),
                ("client_id", word()),
                ("roles", many(reference.clone())),
                ("groups", many(reference)),
                ("assigned_scopes", many(text())),
                ("created_at", moment()),
                ("invite_expires_at", moment()),
                ("avatar", word()),
                ("locale", word()),
                ("zone_info", word()),
                ("preferred_locale", word()),
                ("preferred_zone_info", word()),
            ],
            "role" => vec![
                ("name", word()),
                ("description", word()),
                ("type", one(coded)),
                ("origin", word()),
                ("level", word()),
                ("permissions", many(text())),
                ("assigned_scopes", many(text())),
                ("created_at", moment()),
            ],
            _ => vec![
                ("name", word()),
                ("description", word()),
                ("type", one(coded)),
                ("status", word()),
                ("idp_id", word()),
                ("roles", many(reference)),
                ("created_at", moment()),
            ],
        };
        self.object(&[], fields)
    }

    /// A word of ours beside the source's own.
    fn coded(&self) -> Value {
        self.all_of(vec![("value", text()), ("source_value", or_null(text()))])
    }

    fn user(&self) -> Value {
        self.record(vec![
            ("id", text()),
            ("remote_id", text()),
            ("primary_email_address", or_null(text())),
            ("first_name", null()),
            ("last_name", null()),
            ("name", or_null(text())),
            ("username", text()),
            ("is_bot_user", flag()),
            ("roles", or_null(list(&self.role()))),
            ("groups", or_null(list(&self.group()))),
            ("status", self.coded()),
            ("last_active_at", null()),
            ("last_login_at", null()),
            ("created_at", or_null(time())),
            ("updated_at", or_null(time())),
            ("multi_factor_enabled", null()),
            ("avatar", or_null(self.avatar())),
            (
                "unified_custom_fields",
                self.record(vec![
                    ("assigned_scopes", or_null(list(&text()))),
                    ("client_id", or_null(text())),
                    ("invite_expires_at", or_null(time())),
                    ("locale", or_null(text())),
                    ("preferred_locale", or_null(text())),
                    ("preferred_zone_info", or_null(text())),
                    ("zone_info", or_null(text())),
                ]),
            ),
        ])
    }

    fn avatar(&self) -> Value {
        let mut fields = vec![("id", text()), ("remote_url", text())];
        for absent in [
            "remote_id",
            "name",
            "category",
            "contents",
            "category_id",
            "created_at",
            "updated_at",
            "file_format",
        ] {
            fields.push((absent, null()));
        }
        self.all_of(fields)
    }

    /// A role, or what stands for a role where a user or group mentions one.
    fn role(&self) -> Value {
        let permission = self.all_of(vec![
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
            ("type", self.coded()),
            ("resources", null()),
            ("description", null()),
            ("created_at", null()),
            ("updated_at", null()),
        ]);
        let policy = self.all_of(vec![
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
            ("permissions", list(&permission)),
            ("description", null()),
            ("created_at", null()),
            ("updated_at", null()),
        ]);
        self.record(vec![
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
            ("description", or_null(text())),
            ("type", or_null(self.coded())),
            ("policies", or_null(list(&policy))),
            ("created_at", or_null(time())),
            ("updated_at", or_null(time())),
            (
                "unified_custom_fields",
                or_null(self.record(vec![
                    ("level", or_null(text())),
                    ("origin", or_null(text())),
                ])),
            ),
        ])
    }

    fn group(&self) -> Value {
        self.record(vec![
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
            ("description", or_null(text())),
            ("type", or_null(self.coded())),
            ("roles", or_null(list(&self.role()))),
            ("parent_id", null()),
            ("remote_parent_id", null()),
            ("created_at", or_null(time())),
            ("updated_at", or_null(time())),
            (
                "unified_custom_fields",
                or_null(self.record(vec![
                    ("idp_id", or_null(text())),
                    ("status", or_null(text())),
                ])),
            ),
        ])
    }

    /// How a right changed: for one user, for several, or for all.
    fn about_access(&self) -> Value {
        let accounts = ["stayed", "created", "deleted"];
        let user = self.record(vec![
            ("id", text()),
            ("remote_id", text()),
            ("username", text()),
            ("name", or_null(text())),
            ("primary_email_address", or_null(text())),
            ("is_bot_user", flag()),
            ("usable", flag()),
            ("why_not_usable", or_null(text())),
            ("account", json!({ "enum": accounts })),
        ]);
        let group = self.record(vec![
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
        ]);
        let words = ["direct", "group", "everyone", "user_default", "owner"];
        let path = self.object(
            &["type"],
            vec![
                ("type", json!({ "enum": words })),
                ("group", or_null(group)),
            ],
        );
        self.object(
            &["run", "version", "right", "before", "after"],
            vec![
                ("run", text()),
                ("version", counted()),
                ("right", self.any_right()),
                ("user", user),
                (
                    "users",
                    self.all_of(vec![("count", counted()), ("command", text())]),
                ),
                ("everybody", self.all_of(vec![("count", counted())])),
                ("before", list(&path)),
                ("after", list(&path)),
            ],
        )
    }

    fn about_content(&self) -> Value {
        self.all_of(vec![
            ("run", text()),
            ("version", counted()),
            ("right", self.role_right()),
            ("gained", list(&text())),
            ("lost", list(&text())),
        ])
    }

    /// A role in the tenant, a role in a space, or an app that is shared.
    fn any_right(&self) -> Value {
        let space = || {
            self.object(
                &["remote_id"],
                vec![
                    ("remote_id", text()),
                    ("name", text()),
                    ("type", or_null(text())),
                ],
            )
        };
        let space_role = self.all_of(vec![
            ("type", json!({ "const": "space_role" })),
            ("role", text()),
            ("space", space()),
        ]);
        let app = self.all_of(vec![
            ("type", json!({ "const": "app" })),
            ("remote_id", or_null(text())),
            ("resource_type", or_null(text())),
            ("role", text()),
            ("space", space()),
        ]);
        json!({ "anyOf": [self.role_right(), space_role, app] })
    }

    fn role_right(&self) -> Value {
        self.record(vec![
            ("type", json!({ "const": "role" })),
            ("id", text()),
            ("remote_id", text()),
            ("name", text()),
            ("level", or_null(text())),
        ])
    }

    fn about_space(&self) -> Value {
        let parts = json!({ "enum": ["itself", "assignments", "shares"] });
        let space = self.all_of(vec![
            ("name", text()),
            ("type", or_null(text())),
            ("owner_id", or_null(text())),
            ("created_at", or_null(time())),
            ("not_visible", list(&parts)),
        ]);
        let roles = || or_null(list(&text()));
        let assignment = self.all_of(vec![
            ("type", text()),
            ("remote_id", text()),
            ("roles_before", roles()),
            ("roles_after", roles()),
        ]);
        let share = self.all_of(vec![
            ("type", text()),
            ("remote_id", text()),
            ("with", or_null(text())),
            ("resource_id", or_null(text())),
            ("resource_type", or_null(text())),
            ("roles_before", roles()),
            ("roles_after", roles()),
        ]);
        let changed =
            |of: &Value| self.all_of(vec![("n_changed", counted()), ("changed", list(of))]);
        self.all_of(vec![
            ("remote_id", text()),
            ("space", space.clone()),
            ("became_visible", flag()),
            ("before", or_null(space)),
            ("assignments", changed(&assignment)),
            ("shares", changed(&share)),
        ])
    }

    fn about_sync(&self, verb: &str) -> Value {
        match verb {
            "held" => {
                let sorts = [
                    "users",
                    "roles",
                    "groups",
                    "memberships",
                    "role_assignments",
                ];
                let loss = self.all_of(vec![
                    ("kind", json!({ "enum": sorts })),
                    ("lost", counted()),
                    ("known", counted()),
                    ("shown", counted()),
                    ("reason", text()),
                ]);
                self.all_of(vec![
                    ("plan", text()),
                    ("supersedes", or_null(text())),
                    ("losses", list(&loss)),
                ])
            }
            "failed" => self.all_of(vec![("run", text()), ("code", text()), ("message", text())]),
            _ => self.all_of(vec![
                ("run", text()),
                ("what", json!({ "enum": ["sync", "plan"] })),
                ("plan", or_null(text())),
            ]),
        }
    }

    fn about_history(&self) -> Value {
        self.all_of(vec![
            ("events", counted()),
            ("from", or_null(counted())),
            ("to", or_null(counted())),
            ("records", counted()),
        ])
    }

    fn about_endpoint(&self, verb: &str) -> Value {
        match verb {
            "test" => self.all_of(vec![("endpoint", text())]),
            _ => self.all_of(vec![
                ("endpoint", text()),
                ("reason", text()),
                ("failing_since", or_null(time())),
            ]),
        }
    }
}
