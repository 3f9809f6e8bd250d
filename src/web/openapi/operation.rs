//! What an operation takes and answers.

use serde_json::Value;

use crate::model::Scope;

/// A method of a path, with everything that a client may send and get.
#[derive(Debug, Clone)]
pub(in crate::web) struct Operation {
    pub(super) verb: Verb,
    pub(super) path: String,
    pub(super) id: String,
    pub(super) tag: Tag,
    pub(super) summary: String,
    pub(super) about: String,
    pub(super) access: Access,
    pub(super) parameters: Vec<Parameter>,
    pub(super) body: Option<Vec<Content>>,
    pub(super) answers: Vec<Answer>,
}

/// A method of HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::web) enum Verb {
    Get,
    Post,
}

/// A group of operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::web) enum Tag {
    Records,
    Access,
    Scim,
    Events,
    Reports,
    Operations,
    Description,
}

/// What a client has to send to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum Access {
    /// Nothing.
    Open,
    /// A token with a scope.
    Token(Scope),
    /// Nothing, or a token with a scope.
    TokenOrNothing(Scope),
    /// A signature by Qlik.
    Signed,
}

/// A part of the address, or a header, that says what is asked for.
#[derive(Debug, Clone)]
pub(in crate::web) struct Parameter {
    pub(super) name: &'static str,
    pub(super) place: ParameterPlace,
    pub(super) is_required: bool,
    pub(super) is_deprecated: bool,
    /// Whether it counts as not sent if it has no value.
    pub(super) may_be_empty: bool,
    pub(super) about: String,
    pub(super) schema: Value,
    pub(super) example: Option<Value>,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::web) enum ParameterPlace {
    Path,
    Query,
    Header,
}

/// An answer with a status.
#[derive(Debug, Clone)]
pub(in crate::web) struct Answer {
    /// The name under which the document has it once for all operations; `None` if only one
    /// operation has it.
    pub(super) name: Option<String>,
    pub(super) status: u16,
    pub(super) about: String,
    pub(super) headers: Vec<Header>,
    pub(super) contents: Vec<Content>,
}

/// A body in a media type.
#[derive(Debug, Clone)]
pub(in crate::web) struct Content {
    pub(super) media_type: &'static str,
    pub(super) schema: Value,
    pub(super) example: Option<Value>,
}

/// A header of an answer.
#[derive(Debug, Clone)]
pub(in crate::web) struct Header {
    pub(super) name: &'static str,
    pub(super) is_required: bool,
    pub(super) about: &'static str,
    pub(super) schema: Value,
}

impl Verb {
    /// Returns the method in lower case, as `OpenAPI` writes it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
        }
    }
}

impl Tag {
    /// All groups, in the order in which they are shown.
    pub(super) const ALL: [Self; 7] = [
        Self::Records,
        Self::Access,
        Self::Scim,
        Self::Events,
        Self::Reports,
        Self::Operations,
        Self::Description,
    ];

    /// Returns its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Records => "Records",
            Self::Access => "Who may do what",
            Self::Scim => "SCIM 2.0",
            Self::Events => "Events",
            Self::Reports => "Reports",
            Self::Operations => "Health and metrics",
            Self::Description => "This description",
        }
    }

    /// Says what its operations are for.
    pub(super) fn about(self) -> &'static str {
        match self {
            Self::Records => {
                "Users, roles, groups and policies of Qlik tenants, as StackOne's IAM API shows \
                 records, so that software written for it reads these as well. Whatever else that \
                 API has, such as changing a user, is answered with 501."
            }
            Self::Access => {
                "Which roles somebody holds, and by which paths. StackOne has nothing like these."
            }
            Self::Scim => {
                "The same records over SCIM 2.0 (RFC 7643, 7644 and 9865), to be read. Each \
                 address exists twice: for all tenants that the token may read, and under \
                 `/scim/v2/tenants/NAME` for one of them. `/Me` and `/Bulk` are answered with 501, \
                 anything that would change a tenant with 405."
            }
            Self::Events => {
                "The events that webhooks get, for programs that cannot be reached from outside."
            }
            Self::Reports => "Tables of everything, for programs that load tables.",
            Self::Operations => {
                "For probes and scrapers, which have no credentials, and for Qlik's own webhooks. \
                 Nothing here tells of people."
            }
            Self::Description => "What you are reading.",
        }
    }
}

impl ParameterPlace {
    /// Returns `OpenAPI`'s word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

impl Operation {
    /// Describes an operation that anybody may ask for.
    pub(in crate::web) fn new(
        verb: Verb,
        path: impl Into<String>,
        id: impl Into<String>,
        tag: Tag,
    ) -> Self {
        Self {
            verb,
            path: path.into(),
            id: id.into(),
            tag,
            summary: String::new(),
            about: String::new(),
            access: Access::Open,
            parameters: Vec::new(),
            body: None,
            answers: Vec::new(),
        }
    }

    /// Says what it does, in a few words and in full.
    #[must_use]
    pub(in crate::web) fn says(self, summary: impl Into<String>, about: impl Into<String>) -> Self {
        Self {
            summary: summary.into(),
            about: about.into(),
            ..self
        }
    }

    /// Says what a client has to send to be answered.
    #[must_use]
    pub(in crate::web) fn access(self, access: Access) -> Self {
        Self { access, ..self }
    }

    /// Adds parameters.
    #[must_use]
    pub(in crate::web) fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Says which body it takes.
    #[must_use]
    pub(in crate::web) fn body(self, contents: Vec<Content>) -> Self {
        Self {
            body: Some(contents),
            ..self
        }
    }

    /// Adds answers.
    #[must_use]
    pub(in crate::web) fn answers(mut self, answers: impl IntoIterator<Item = Answer>) -> Self {
        self.answers.extend(answers);
        self
    }

    /// Returns the method and the path, as people write them.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.verb.word().to_uppercase(), self.path)
    }
}

impl Parameter {
    /// Describes a parameter of the query string.
    pub(in crate::web) fn query(name: &'static str, schema: Value, about: &str) -> Self {
        Self::at(ParameterPlace::Query, name, schema, about)
    }

    /// Describes a part of the path.
    pub(in crate::web) fn path(name: &'static str, schema: Value, about: &str) -> Self {
        Self::at(ParameterPlace::Path, name, schema, about).required()
    }

    /// Describes a header.
    pub(in crate::web) fn header(name: &'static str, schema: Value, about: &str) -> Self {
        Self::at(ParameterPlace::Header, name, schema, about)
    }

    fn at(place: ParameterPlace, name: &'static str, schema: Value, about: &str) -> Self {
        Self {
            name,
            place,
            is_required: false,
            is_deprecated: false,
            may_be_empty: place == ParameterPlace::Query,
            about: about.to_owned(),
            schema,
            example: None,
        }
    }

    /// Says that it must be sent.
    #[must_use]
    pub(in crate::web) fn required(self) -> Self {
        Self {
            is_required: true,
            ..self
        }
    }

    /// Says that it must not be sent without a value.
    #[must_use]
    pub(in crate::web) fn never_empty(self) -> Self {
        Self {
            may_be_empty: false,
            ..self
        }
    }

    /// Says that another one is better.
    #[must_use]
    pub(in crate::web) fn deprecated(self) -> Self {
        Self {
            is_deprecated: true,
            ..self
        }
    }

    /// Gives an example.
    #[must_use]
    pub(in crate::web) fn example(self, example: impl Into<Value>) -> Self {
        Self {
            example: Some(example.into()),
            ..self
        }
    }

    /// Returns whether it has several values, with commas between them.
    pub(super) fn is_list(&self) -> bool {
        self.schema.get("type").is_some_and(|sort| sort == "array")
    }

    /// Returns its name.
    #[cfg(test)]
    pub(in crate::web) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns its example as it is sent in a query string, or `None` if it has none.
    #[cfg(test)]
    pub(in crate::web) fn sent_example(&self) -> Option<String> {
        let text = |value: &Value| match value {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        self.example.as_ref().map(|example| match example {
            Value::Array(all) => all.iter().map(text).collect::<Vec<_>>().join(","),
            one => text(one),
        })
    }
}

impl Answer {
    /// Describes an answer without a body.
    pub(in crate::web) fn empty(status: u16, about: &str) -> Self {
        Self {
            name: None,
            status,
            about: about.to_owned(),
            headers: Vec::new(),
            contents: Vec::new(),
        }
    }

    /// Describes an answer in JSON.
    pub(in crate::web) fn json(status: u16, about: &str, schema: Value) -> Self {
        Self::empty(status, about).with(Content::json(schema))
    }

    /// Names it, since several operations have it.
    #[must_use]
    pub(in crate::web) fn named(self, name: String) -> Self {
        Self {
            name: Some(name),
            ..self
        }
    }

    /// Adds a body in another media type.
    #[must_use]
    pub(in crate::web) fn with(mut self, content: Content) -> Self {
        self.contents.push(content);
        self
    }

    /// Adds a header.
    #[must_use]
    pub(in crate::web) fn header(mut self, header: Header) -> Self {
        self.headers.push(header);
        self
    }
}

impl Content {
    /// Describes a body in a media type.
    pub(in crate::web) fn new(media_type: &'static str, schema: Value) -> Self {
        Self {
            media_type,
            schema,
            example: None,
        }
    }

    /// Describes a body in JSON.
    pub(in crate::web) fn json(schema: Value) -> Self {
        Self::new("application/json", schema)
    }

    /// Gives an example.
    #[must_use]
    pub(in crate::web) fn example(self, example: Value) -> Self {
        Self {
            example: Some(example),
            ..self
        }
    }
}

impl Header {
    /// Describes a header that an answer always has.
    pub(in crate::web) fn new(name: &'static str, schema: Value, about: &'static str) -> Self {
        Self {
            name,
            is_required: true,
            about,
            schema,
        }
    }

    /// Says that some answers do not have it.
    #[must_use]
    pub(in crate::web) fn optional(self) -> Self {
        Self {
            is_required: false,
            ..self
        }
    }
}
