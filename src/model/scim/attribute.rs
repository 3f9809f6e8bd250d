//! How SCIM describes an attribute (RFC 7643, 7).

/// An attribute of a schema. None can be written.
#[derive(Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "RFC 7643 describes attributes by these"
)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub form: AttributeForm,
    /// Whether it is a list.
    pub is_many: bool,
    /// Whether every resource has it.
    pub is_required: bool,
    /// Whether letter case counts when it is compared.
    pub is_case_exact: bool,
    /// When it is part of an answer.
    pub returned: Returned,
    /// Whether no two resources have the same value.
    pub is_unique: bool,
    /// What it is.
    pub description: &'static str,
    /// Values that it may have; empty if any is possible.
    pub values: &'static [&'static str],
    /// What a reference leads to.
    pub leads_to: &'static [&'static str],
    /// The sub-attributes of a complex attribute.
    pub parts: &'static [Self],
}

/// What the values of an attribute are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttributeForm {
    /// Texts.
    Text,
    /// True or false.
    Boolean,
    /// Points in time.
    Time,
    /// Addresses.
    Reference,
    /// Objects with sub-attributes.
    Complex,
}

impl AttributeForm {
    /// Returns SCIM's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Boolean => "boolean",
            Self::Time => "dateTime",
            Self::Reference => "reference",
            Self::Complex => "complex",
        }
    }
}

/// When an attribute is part of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Returned {
    /// Always, whatever was asked for.
    Always,
    /// Unless other attributes were asked for, or this one was excluded.
    Default,
    /// Only if it was asked for by name.
    Request,
}

impl Returned {
    /// Returns SCIM's word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::Default => "default",
            Self::Request => "request",
        }
    }
}

/// Describes an attribute with values of a form.
pub(super) const fn attribute(
    form: AttributeForm,
    name: &'static str,
    description: &'static str,
) -> Attribute {
    Attribute {
        name,
        form,
        is_many: false,
        is_required: false,
        is_case_exact: false,
        returned: Returned::Default,
        is_unique: false,
        description,
        values: &[],
        leads_to: &[],
        parts: &[],
    }
}

/// Describes a text.
pub(super) const fn text(name: &'static str, description: &'static str) -> Attribute {
    attribute(AttributeForm::Text, name, description)
}

/// Describes a value that is true or false.
pub(super) const fn boolean(name: &'static str, description: &'static str) -> Attribute {
    attribute(AttributeForm::Boolean, name, description)
}

/// Describes a point in time.
pub(super) const fn time(name: &'static str, description: &'static str) -> Attribute {
    attribute(AttributeForm::Time, name, description)
}

/// Describes an address. Letter case counts in addresses.
pub(super) const fn reference(
    name: &'static str,
    leads_to: &'static [&'static str],
    description: &'static str,
) -> Attribute {
    let mut reference = attribute(AttributeForm::Reference, name, description);
    reference.leads_to = leads_to;
    reference.is_case_exact = true;
    reference
}

/// Describes an object.
pub(super) const fn complex(
    name: &'static str,
    parts: &'static [Attribute],
    description: &'static str,
) -> Attribute {
    let mut complex = attribute(AttributeForm::Complex, name, description);
    complex.parts = parts;
    complex
}

impl Attribute {
    /// The same as a list.
    pub(super) const fn many(mut self) -> Self {
        self.is_many = true;
        self
    }

    /// The same, and every resource has it.
    pub(super) const fn required(mut self) -> Self {
        self.is_required = true;
        self
    }

    /// The same, and letter case counts.
    pub(super) const fn case_exact(mut self) -> Self {
        self.is_case_exact = true;
        self
    }

    /// The same, and no two resources have the same value.
    pub(super) const fn unique(mut self) -> Self {
        self.is_unique = true;
        self
    }

    /// The same with another rule for answers.
    pub(super) const fn returned(mut self, returned: Returned) -> Self {
        self.returned = returned;
        self
    }

    /// The same with the values that it may have.
    pub(super) const fn one_of(mut self, values: &'static [&'static str]) -> Self {
        self.values = values;
        self
    }

    /// Returns the sub-attribute with a name, whatever its letter case.
    pub fn part(&self, name: &str) -> Option<&'static Self> {
        let mut parts = self.parts.iter();
        parts.find(|part| part.name.eq_ignore_ascii_case(name))
    }
}
