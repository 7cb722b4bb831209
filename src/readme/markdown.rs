//! Markdown as HTML of an allow-list: no HTML of the author, no images, no addresses but those of the web, no attributes
//! but those written here. Whatever is not known is left out, and its text stands as text.

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

/// More is not shown. A short text can make a long one, as a table fills rows that are short.
const MAX_HTML_BYTES: usize = 1 << 20;
/// Deeper elements stand in the last one.
const MAX_DEPTH: usize = 24;
const MAX_ADDRESS_BYTES: usize = 2_000;

/// The HTML, and whether something at the end was left out.
pub fn render(text: &str) -> (String, bool) {
    let mut page = Page::default();
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    for event in Parser::new_ext(text, options) {
        if MAX_HTML_BYTES < page.html.len() {
            page.is_cut = true;
            break;
        }
        page.take(event);
    }
    while let Some(end) = page.open.pop() {
        page.html.push_str(end.unwrap_or_default());
    }
    (page.html, page.is_cut)
}

#[derive(Default)]
struct Page {
    html: String,
    /// What closes each element that is open; none for those that are not shown.
    open: Vec<Option<&'static str>>,
    /// Inside of an image, or of the author's own HTML.
    hidden: usize,
    in_head: bool,
    is_cut: bool,
}

impl Page {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.end(end),
            Event::Text(text) | Event::InlineMath(text) | Event::DisplayMath(text) => self.text(&text),
            Event::Code(text) => {
                self.push("<code>");
                self.text(&text);
                self.push("</code>");
            }
            Event::SoftBreak => self.push("\n"),
            Event::HardBreak => self.push("<br>\n"),
            Event::Rule => self.push("<hr>\n"),
            Event::Html(_) | Event::InlineHtml(_) | Event::FootnoteReference(_) | Event::TaskListMarker(_) => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let (start, end) = match tag {
            Tag::Paragraph => ("<p>", "</p>\n"),
            // The page has headings of its own above.
            Tag::Heading { level: HeadingLevel::H1, .. } => ("<h3>", "</h3>\n"),
            Tag::Heading { level: HeadingLevel::H2, .. } => ("<h4>", "</h4>\n"),
            Tag::Heading { level: HeadingLevel::H3, .. } => ("<h5>", "</h5>\n"),
            Tag::Heading { .. } => ("<h6>", "</h6>\n"),
            Tag::BlockQuote(_) => ("<blockquote>\n", "</blockquote>\n"),
            Tag::CodeBlock(CodeBlockKind::Indented | CodeBlockKind::Fenced(_)) => ("<pre tabindex=\"0\">", "</pre>\n"),
            Tag::List(None) => ("<ul>\n", "</ul>\n"),
            Tag::List(Some(first)) => {
                let start = format!("<ol start=\"{first}\">\n");
                return self.enter(&start, "</ol>\n");
            }
            Tag::Item => ("<li>", "</li>\n"),
            Tag::Emphasis => ("<em>", "</em>"),
            Tag::Strong => ("<strong>", "</strong>"),
            Tag::Strikethrough => ("<del>", "</del>"),
            // With room for its rows and cells, or not at all.
            Tag::Table(_) if MAX_DEPTH < self.open.len() + 3 => ("", ""),
            Tag::TableHead | Tag::TableRow | Tag::TableCell if !matches!(self.open.last(), Some(Some(_))) => ("", ""),
            Tag::Table(_) => ("<table>\n", "</tbody></table>\n"),
            Tag::TableHead => {
                self.in_head = true;
                ("<thead><tr>", "</tr></thead>\n<tbody>\n")
            }
            Tag::TableRow => ("<tr>", "</tr>\n"),
            Tag::TableCell if self.in_head => ("<th scope=\"col\">", "</th>"),
            Tag::TableCell => ("<td>", "</td>"),
            Tag::Link { dest_url, .. } => match address(dest_url) {
                Some(address) => {
                    let start = format!("<a href=\"{address}\" rel=\"nofollow noopener noreferrer\">");
                    return self.enter(&start, "</a>");
                }
                None => ("", ""),
            },
            Tag::HtmlBlock => {
                self.hidden += 1;
                ("", "")
            }
            // An image is what it says about itself.
            _ => ("", ""),
        };
        self.enter(start, end);
    }

    fn enter(&mut self, start: &str, end: &'static str) {
        let is_shown = self.open.len() < MAX_DEPTH && self.hidden == 0 && !start.is_empty();
        if is_shown {
            self.html.push_str(start);
        }
        self.open.push(is_shown.then_some(end));
    }

    fn end(&mut self, end: TagEnd) {
        match end {
            TagEnd::HtmlBlock => self.hidden = self.hidden.saturating_sub(1),
            TagEnd::TableHead => self.in_head = false,
            _ => {}
        }
        if let Some(Some(end)) = self.open.pop() {
            self.html.push_str(end);
        }
    }

    fn push(&mut self, html: &str) {
        if self.hidden == 0 {
            self.html.push_str(html);
        }
    }

    fn text(&mut self, text: &str) {
        if self.hidden == 0 {
            escape(text, &mut self.html);
        }
    }
}

fn escape(text: &str, to: &mut String) {
    for c in text.chars() {
        match c {
            '&' => to.push_str("&amp;"),
            '<' => to.push_str("&lt;"),
            '>' => to.push_str("&gt;"),
            '"' => to.push_str("&quot;"),
            '\'' => to.push_str("&#39;"),
            // Would turn the text around it about.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\0' => {}
            c => to.push(c),
        }
    }
}

/// An address of the web as an attribute, or nothing. A relative one would lead to some place of the registry.
fn address(raw: &str) -> Option<String> {
    let rest = raw.strip_prefix("https://").or_else(|| raw.strip_prefix("http://"))?;
    let is_odd = |c: char| c.is_control() || c.is_whitespace() || matches!(c, '"' | '\'' | '<' | '>' | '\\' | '`');
    if rest.is_empty() || rest.starts_with('/') || MAX_ADDRESS_BYTES < raw.len() || raw.contains(is_odd) {
        return None;
    }
    let mut escaped = String::new();
    escape(raw, &mut escaped);
    Some(escaped)
}
