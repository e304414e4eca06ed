//! Names that would leave their place: every format keeps them in.

use std::time::Duration;

use proptest::prelude::*;
use roxmltree::Document;
use tasker_domain::diagram::gantt::{self, Attempt, Outcome, Timeline};
use tasker_domain::diagram::{Diagram, Mark, Step};

const HOSTILE: [&str; 22] = [
    "\"];\n    evil[\"x\"]",
    "'><script>alert(1)</script>",
    "]]><!-- --><![CDATA[",
    "</title></svg><svg onload=alert(1)>",
    "&lt;&amp;&#0;&bogus;",
    "a\\",
    "a\\\"; evil -> s0; \"",
    "\\N\\G\\l",
    "end",
    "s0 --> s1",
    "click s0 href \"javascript:alert(1)\"",
    "`*markdown* _text_`",
    "%%{init: {'theme':'dark'}}%%",
    "#quot;#35;",
    "שלום עולם",
    "\u{202e}gnp.exe\u{202c}\u{2066}x\u{2069}",
    "🚀🔥👩‍👩‍👧‍👦",
    "bell\u{7}null\u{0}escape\u{1b}[2Jreturn\r\nvertical\u{b}delete\u{7f}next\u{85}",
    "\u{fffe}\u{ffff}\u{fdd0}\u{1fffe}\u{feff}",
    "Z\u{341}\u{341}\u{341}\u{341}\u{341}\u{341}\u{341}\u{341}\u{341}algo",
    "\u{2028}\u{2029}\u{200b}\u{ad}",
    "",
];

fn diagram_of(names: &[String]) -> Diagram {
    let steps = names.iter().enumerate().map(|(index, name)| Step {
        handler: Some(name.clone()),
        mark: Some(Mark::ALL[index % Mark::ALL.len()]),
        attempts: Some(index as u32 % 3),
        attempts_allowed: Some(3),
        duration: Some(Duration::from_millis(index as u64 * 999)),
        ..Step::new(name.clone(), if index == 0 { vec![] } else { vec![index - 1, index / 2] })
    });
    // A step does not wait for itself: 1 / 2 is 0, and from 1 on half is less than the whole.
    Diagram::new(names.first().cloned().unwrap_or_default(), steps.collect()).unwrap()
}

fn chart_of(names: &[String]) -> String {
    let attempts = names.iter().enumerate().map(|(index, name)| Attempt {
        step: name.clone(),
        attempt: 1,
        started: Duration::from_millis(index as u64 * 10),
        ended: Duration::from_millis(index as u64 * 20),
        outcome: if index % 2 == 0 { Outcome::Failed } else { Outcome::Succeeded },
        waiting_until: (index % 4 == 0).then(|| Duration::from_secs(index as u64)),
    });
    gantt::svg(&Timeline {
        title: names.first().cloned().unwrap_or_default(),
        attempts: attempts.collect(),
        never_began: names.to_vec(),
    })
}

/// No element but those that are drawn, no attribute that does something, and nothing that turns the text around.
fn assert_harmless_svg(svg: &str) {
    let document = Document::parse(svg).unwrap_or_else(|error| panic!("{error}\n{svg}"));
    for node in document.descendants().filter(roxmltree::Node::is_element) {
        let name = node.tag_name().name();
        let known = ["svg", "title", "desc", "style", "rect", "g", "text", "path", "circle"];
        assert!(known.contains(&name), "<{name}>");
        for attribute in node.attributes() {
            assert!(!attribute.name().starts_with("on") && attribute.name() != "href", "{}", attribute.name());
        }
    }
    assert_eq!(document.root_element().attribute("role"), Some("img"));
    let style = document.descendants().find(|node| node.has_tag_name("style")).and_then(|node| node.text()).unwrap();
    for class in document.descendants().filter(|node| node.has_tag_name("g")).filter_map(|node| node.attribute("class"))
    {
        let needs_none = matches!(class, "row" | "way");
        assert_eq!(
            needs_none,
            style.matches(&format!(".{class} ")).count() < 2,
            "{class} is styled for light and dark"
        );
    }
    assert_without_controls(svg);
}

fn assert_without_controls(text: &str) {
    let bad = text.chars().find(|character| {
        (character.is_control() && *character != '\n')
            || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}' | '\u{2028}' | '\u{2029}')
    });
    assert_eq!(bad, None, "{text}");
}

/// Every line is one that the writer writes: a label in quotes without anything that Mermaid gives a meaning to.
fn assert_harmless_mermaid(chart: &str, steps: usize) {
    let mut labels = 0;
    for line in chart.lines() {
        let line = line.trim_start();
        let is_title = line.starts_with("accTitle: ") || line.starts_with("accDescr: ");
        if line == "flowchart TD" || line.starts_with("classDef ") {
            continue;
        }
        if is_title {
            assert!(!line.contains(['"', ';', '{', '}', '#', '<', '>', '%']), "{line}");
            continue;
        }
        let Some((node, rest)) = line.split_once("[\"") else {
            let (from, to) = line.split_once(" --> ").unwrap_or_else(|| panic!("{line}"));
            assert!([from, to].iter().all(|node| node[1..].parse::<usize>().unwrap() < steps), "{line}");
            continue;
        };
        assert_eq!(node, format!("s{labels}"));
        labels += 1;
        let (label, class) = rest.rsplit_once("\"]").unwrap();
        assert!(
            class.is_empty() || class.strip_prefix(":::").unwrap().chars().all(|c| c.is_ascii_lowercase()),
            "{line}"
        );
        let label = label.replacen("<br/>", "", 1);
        let mut rest = label.as_str();
        while let Some(start) = rest.find('#') {
            let end = rest[start..].find(';').unwrap() + start;
            assert!(rest[start + 1..end].chars().all(|digit| digit.is_ascii_digit()), "{line}");
            rest = &rest[end + 1..];
        }
        let sign = label.chars().next().filter(|_| label.starts_with("! ")).map_or(0, |_| 1);
        let mut plain = label[sign..].to_owned();
        while let (Some(start), Some(end)) = (plain.find('#'), plain.find(';')) {
            plain.replace_range(start..=end, "");
        }
        assert!(
            !plain
                .contains(['"', '<', '>', '`', '\\', ';', '#', '[', ']', '(', ')', '{', '}', '|', '&', '%', ':', '*']),
            "{line}"
        );
    }
    assert_eq!(labels, steps);
    assert_without_controls(chart);
}

/// Reads quoted strings as Graphviz does and looks at what stands outside of them.
fn assert_harmless_dot(graph: &str, steps: usize) {
    let mut outside = String::new();
    let mut characters = graph.chars();
    while let Some(character) = characters.next() {
        if character != '"' {
            outside.push(character);
            continue;
        }
        outside.push('Q');
        loop {
            match characters.next().expect("a quote is not closed") {
                '"' => break,
                '\\' => {
                    let escape = characters.next().unwrap();
                    assert!(matches!(escape, '\\' | '"' | 'n'), "\\{escape}");
                }
                other => assert_ne!(other, '\n', "a line ends within quotes"),
            }
        }
    }
    let node = regex_free_node_lines(&outside);
    assert_eq!(node, steps, "{outside}");
    assert!(!outside.contains("evil"), "{outside}");
    assert_without_controls(graph);
}

fn regex_free_node_lines(outside: &str) -> usize {
    let mut nodes = 0;
    for line in outside.lines().map(str::trim) {
        let is_fixed = line.starts_with("digraph tasker {")
            || line == "}"
            || ["label=Q;", "labelloc=t;", "fontname=Q;"].contains(&line)
            || line.starts_with("node [")
            || line.starts_with("edge [");
        if is_fixed {
            continue;
        }
        if line.contains(" -> ") {
            assert!(line.ends_with(';') && !line.contains('['), "{line}");
            continue;
        }
        assert!(line.starts_with(&format!("s{nodes} [label=Q, tooltip=Q")) && line.ends_with("];"), "{line}");
        nodes += 1;
    }
    nodes
}

fn assert_all_harmless(names: &[String]) {
    let diagram = diagram_of(names);
    assert_harmless_svg(&diagram.svg());
    assert_harmless_svg(&chart_of(names));
    assert_harmless_mermaid(&diagram.mermaid(), names.len());
    assert_harmless_dot(&diagram.dot(), names.len());
    let text = diagram.text();
    assert_without_controls(&text);
    assert_eq!(text.lines().filter(|line| line.starts_with("  ")).count(), names.len(), "{text}");
}

#[test]
fn known_tricks_do_nothing() {
    let mut names: Vec<String> = HOSTILE.iter().map(|name| (*name).to_owned()).collect();
    names.push("long_".repeat(2_000));
    names.push("\u{300}".repeat(10_000));
    names.push("W".repeat(10_000));
    names.push("漢".repeat(10_000));
    assert_all_harmless(&names);
}

#[test]
fn the_whole_name_is_in_the_title_of_its_card() {
    let name = format!("<begin>{}&end", "long_".repeat(2_000));
    let svg = diagram_of(std::slice::from_ref(&name)).svg();
    let document = Document::parse(&svg).unwrap();
    let titles = document.descendants().filter(|node| node.has_tag_name("title")).filter_map(|node| node.text());
    assert!(titles.into_iter().any(|title| title.starts_with(&format!("{name}:"))));
    let shown: Vec<_> =
        document.descendants().filter(|node| node.has_tag_name("text")).filter_map(|n| n.text()).collect();
    assert!(shown.iter().all(|text| text.chars().count() < 110), "{shown:?}");
    assert!(shown.iter().any(|text| text.ends_with('…')), "{shown:?}");
}

#[test]
fn what_cannot_be_seen_is_spelled_out() {
    let svg = diagram_of(&["a\u{202e}b\u{0}c\u{fffe}".to_owned()]).svg();
    assert!(svg.contains("a\\u{202e}b\\u{0}c\\u{fffe}"), "{svg}");
}

#[test]
fn a_graph_without_steps_and_a_run_without_attempts_are_pictures_too() {
    let empty = Diagram::new("nothing", Vec::new()).unwrap();
    assert_harmless_svg(&empty.svg());
    assert_harmless_svg(&chart_of(&[]));
    assert!(empty.text().contains("0 steps"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_names_are_harmless(names in prop::collection::vec(".{0,40}|\\PC{0,300}|[\"<>&'\\\\`#;\\[\\]\u{0}-\u{1f}\u{202a}-\u{202e}]{0,12}", 0..9)) {
        assert_all_harmless(&names);
    }

    #[test]
    fn any_times_are_drawn(times in prop::collection::vec((any::<u64>(), any::<u32>(), any::<u64>(), any::<Option<u64>>()), 0..12)) {
        let attempts = times.iter().map(|(started, nanos, ended, until)| Attempt {
            step: format!("step {}", started % 3),
            attempt: *nanos,
            started: Duration::new(*started, nanos % 1_000_000_000),
            ended: Duration::from_nanos(*ended),
            outcome: Outcome::Failed,
            waiting_until: until.map(Duration::from_millis),
        });
        let svg = gantt::svg(&Timeline { title: "t".to_owned(), attempts: attempts.collect(), never_began: Vec::new() });
        assert_harmless_svg(&svg);
        prop_assert!(!svg.contains("NaN") && !svg.contains("inf"));
    }
}
