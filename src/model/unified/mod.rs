//! The unified IAM schema in the style of StackOne: how records look outside.
