//! A sheet to draw on: writes SVG elements, escapes every text, and knows the style of all our pictures.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use crate::diagram::mark::Mark;
use crate::diagram::text;

/// Space around the drawing.
pub(crate) const MARGIN: f64 = 24.0;
/// Size of the title's font.
const TITLE: f64 = 17.0;
/// Size of the font of what stands under the title, of legends and notes.
pub(crate) const SMALL: f64 = 11.0;
/// Space that title and note take.
pub(crate) const HEADER: f64 = 58.0;
const LEGEND_LINE: f64 = 24.0;

const FONT: &str = "'Helvetica Neue',Helvetica,Arial,'Liberation Sans',system-ui,sans-serif";

const LIGHT: Paper =
    Paper { paper: "#ffffff", ink: "#1f2328", soft: "#59636e", line: "#8c959f", faint: "#d8dee4", band: "#f6f8fa" };
const DARK: Paper =
    Paper { paper: "#0d1117", ink: "#e6edf3", soft: "#9aa4af", line: "#6e7681", faint: "#2b313a", band: "#141a22" };

struct Paper {
    paper: &'static str,
    ink: &'static str,
    soft: &'static str,
    line: &'static str,
    faint: &'static str,
    band: &'static str,
}

/// Title, note, description and legend around a drawing, and the drawing itself.
#[derive(Debug)]
pub(crate) struct Canvas {
    body: String,
    used: BTreeSet<Mark>,
}

/// A coordinate: a tenth of a pixel is finer than anybody sees, and keeps the files small and the same everywhere.
pub(crate) fn number(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    match (tenths.unsigned_abs() / 10, tenths.unsigned_abs() % 10) {
        (whole, 0) => format!("{sign}{whole}"),
        (whole, tenth) => format!("{sign}{whole}.{tenth}"),
    }
}

impl Canvas {
    pub(crate) fn new() -> Self {
        Canvas { body: String::new(), used: BTreeSet::new() }
    }

    /// Appends markup whose texts are escaped already, on a line of its own.
    pub(crate) fn markup(&mut self, markup: &str) {
        self.body.push_str(markup);
        self.body.push('\n');
    }

    pub(crate) fn text(&mut self, class: &str, x: f64, y: f64, content: &str) {
        let content = text::xml(content);
        // Writing into a text cannot fail; so everywhere below.
        let _ = writeln!(self.body, r#"<text class="{class}" x="{}" y="{}">{content}</text>"#, number(x), number(y));
    }

    /// Opens a group that readers and pointers find under a name.
    pub(crate) fn open(&mut self, class: &str, title: &str) {
        let _ = writeln!(self.body, r#"<g class="{class}"><title>{}</title>"#, text::xml(title));
    }

    pub(crate) fn close(&mut self) {
        self.body.push_str("</g>\n");
    }

    /// Opens the group of something that is marked, whether or not its sign finds room.
    pub(crate) fn open_marked(&mut self, mark: Mark, title: &str) {
        self.used.insert(mark);
        self.open(mark.class(), title);
    }

    /// Draws the sign of a mark around a place.
    pub(crate) fn mark(&mut self, mark: Mark, x: f64, y: f64) {
        self.body.push_str(&mark_at(mark, x, y));
    }

    /// The finished picture of a drawing that is this large and was drawn from the place 0,0 on.
    pub(crate) fn finish(self, title: &str, note: &str, description: &str, width: f64, height: f64) -> String {
        let width_of_title = text::width(&text::clean(title), TITLE).min(640.0);
        let width = width.max(width_of_title).max(text::width(note, SMALL)).max(240.0);
        let legend = self.legend(width);
        let whole_width = width + 2.0 * MARGIN;
        let whole_height = HEADER + height + legend.height + 2.0 * MARGIN;
        let (w, h) = (number(whole_width), number(whole_height));
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\" role=\"img\" \
aria-labelledby=\"title desc\">\n<title id=\"title\">{}</title>\n<desc id=\"desc\">{}</desc>\n",
            text::xml(title),
            text::xml(description)
        );
        self.style(&mut svg);
        let _ = writeln!(svg, r#"<rect class="paper" width="{w}" height="{h}" rx="10"/>"#);
        let shown_title = text::xml(&text::fit(title, TITLE, width));
        let _ = writeln!(svg, r#"<text class="title" x="{MARGIN}" y="40">{shown_title}</text>"#);
        let _ = writeln!(svg, r#"<text class="small" x="{MARGIN}" y="59">{}</text>"#, text::xml(note));
        let _ = writeln!(svg, r#"<g transform="translate({MARGIN} {})">"#, number(MARGIN + HEADER));
        svg.push_str(&self.body);
        svg.push_str("</g>\n");
        let legend_top = number(MARGIN + HEADER + height);
        let _ = writeln!(svg, "<g transform=\"translate({MARGIN} {legend_top})\">\n{}</g>", legend.markup);
        svg.push_str("</svg>\n");
        svg
    }

    fn legend(&self, width: f64) -> Legend {
        let mut legend = Legend { markup: String::new(), height: 0.0 };
        if self.used.is_empty() {
            return legend;
        }
        let (mut x, mut y) = (0.0, 34.0);
        for mark in &self.used {
            let needed = 22.0 + text::width(mark.word(), SMALL) + 18.0;
            if x > 0.0 && x + needed > width {
                x = 0.0;
                y += LEGEND_LINE;
            }
            legend.markup.push_str(&mark_at(*mark, x + 8.0, y - 4.0));
            let (at, baseline) = (number(x + 22.0), number(y));
            let _ = writeln!(legend.markup, r#"<text class="small" x="{at}" y="{baseline}">{}</text>"#, mark.word());
            x += needed;
        }
        legend.height = y + 4.0;
        legend
    }

    fn style(&self, svg: &mut String) {
        let _ = writeln!(svg, "<style>\ntext{{font-family:{FONT}}}");
        svg.push_str(
            ".title{font-size:17px;font-weight:600}.name{font-size:13px;font-weight:600}.small{font-size:11px}\
.end{text-anchor:end}.middle{text-anchor:middle}.edge{fill:none;stroke-width:1.4}.strokes{fill:none;stroke-width:1.8;\
stroke-linecap:round;stroke-linejoin:round}.card{stroke-width:1.3}.wait{fill:none;stroke-width:1.6;stroke-dasharray:2 4}\
.bar{stroke-width:1.2}.grid{stroke-width:1}\n",
        );
        self.shades(svg, &LIGHT, Mark::light);
        svg.push_str("@media (prefers-color-scheme:dark){\n");
        self.shades(svg, &DARK, Mark::dark);
        svg.push_str("}\n</style>\n");
    }

    fn shades(&self, svg: &mut String, colours: &Paper, of: fn(Mark) -> crate::diagram::mark::Shades) {
        let Paper { paper, ink, soft, line, faint, band } = colours;
        let _ = writeln!(
            svg,
            ".paper{{fill:{paper}}}.title,.name{{fill:{ink}}}.small{{fill:{soft}}}.edge{{stroke:{line}}}\
.head{{fill:{line}}}.grid{{stroke:{faint}}}.band{{fill:{band}}}.strokes{{stroke:{paper}}}\
.plain .card{{fill:{band};stroke:{line}}}"
        );
        for mark in &self.used {
            let (class, shades) = (mark.class(), of(*mark));
            let (strong, tint) = (shades.strong, shades.tint);
            let _ = writeln!(
                svg,
                ".{class} .card{{fill:{tint};stroke:{strong}}}.{class} .disc,.{class} .bar{{fill:{strong}}}\
.{class} .bar,.{class} .wait{{stroke:{strong}}}.{class} .open{{fill:{tint}}}"
            );
        }
    }
}

struct Legend {
    markup: String,
    height: f64,
}

fn mark_at(mark: Mark, x: f64, y: f64) -> String {
    let (class, strokes) = (mark.class(), mark.strokes());
    let (x, y) = (number(x), number(y));
    format!(
        "<g class=\"{class}\" transform=\"translate({x} {y})\"><circle class=\"disc\" r=\"8\"/>\
<path class=\"strokes\" d=\"{strokes}\"/></g>\n"
    )
}
