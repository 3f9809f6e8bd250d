//! Writes HTML.

/// A page that is being written.
#[derive(Debug)]
pub(super) struct Html(String);

impl Html {
    pub(super) fn new() -> Self {
        Self(String::new())
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// Adds HTML as it is.
    pub(super) fn raw(&mut self, html: &str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Adds a text.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escaped(text));
        self
    }

    /// Adds a text that may be broken after each of its parts, such as a path.
    pub(super) fn broken(&mut self, text: &str) -> &mut Self {
        for part in text.split_inclusive(['/', '_', '.', '[', ',', ':']) {
            self.text(part).raw("<wbr>");
        }
        self
    }

    /// Adds a link with a text.
    pub(super) fn link(&mut self, to: &str, text: &str) -> &mut Self {
        self.raw("<a href=\"").text(to).raw("\">");
        self.raw(&rich(text)).raw("</a>")
    }

    /// Adds a heading that can be linked to, with a link to itself.
    pub(super) fn heading(&mut self, level: u8, id: &str, html: &str) -> &mut Self {
        self.raw(&format!("<h{level} id=\"{id}\"><a href=\"#{id}\">"));
        self.raw(html).raw(&format!("</a></h{level}>\n"))
    }

    /// Adds a paragraph; nothing if the text is empty.
    pub(super) fn paragraph(&mut self, text: &str) -> &mut Self {
        match text.is_empty() {
            true => self,
            false => self.raw("<p>").raw(&rich(text)).raw("</p>\n"),
        }
    }

    /// Adds lines that are shown as they are. They can be scrolled with the keyboard.
    pub(super) fn code(&mut self, label: &str, text: &str) -> &mut Self {
        self.raw("<pre tabindex=\"0\" role=\"region\" aria-label=\"")
            .text(label)
            .raw("\"><code>");
        self.text(text).raw("</code></pre>\n")
    }
}

/// Returns a text as HTML. What is between backticks becomes code.
pub(super) fn rich(text: &str) -> String {
    let mut html = String::new();
    for (n, part) in text.split('`').enumerate() {
        let (begin, end) = match n % 2 == 1 {
            true => ("<code>", "</code>"),
            false => ("", ""),
        };
        for text in [begin, &escaped(part), end] {
            html.push_str(text);
        }
    }
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_text_is_never_markup() {
        let text = "a < b & \"c\", `<script>` > d";

        let html = rich(text);

        let code = "<code>&lt;script&gt;</code>";
        assert_eq!(html, format!("a &lt; b &amp; &quot;c&quot;, {code} &gt; d"));
    }
}
