//! What holds between steps: unique names, dependencies that exist, no circles.

use std::collections::HashSet;
use std::ops::Range;

use indexmap::IndexMap;

use crate::graph::{Graph, GraphError};
use crate::problem::{Problem, nearest, or_list, quoted};

use super::reader::Reader;
use super::step::{Draft, place_of};

/// For how many misspelt names nearest ones are looked for: each search looks at all names.
const MOST_SUGGESTIONS: usize = 50;
/// Steps of a circle that a message names before it leaves some out.
const LONGEST_PATH: usize = 12;

/// The closed list of step names, with places.
pub(super) type NamedSteps = IndexMap<String, Range<usize>>;

/// Checks all steps together and answers each step's parents.
pub(super) fn check(drafts: &[Draft], named_steps: Option<&NamedSteps>, reader: &mut Reader<'_>) -> Vec<Vec<usize>> {
    let by_name = unique_names(drafts, reader);
    if let Some(named_steps) = named_steps {
        check_named(drafts, named_steps, reader);
    }
    let mut edges = Vec::new();
    // by whom a step was last named, and where
    let mut last_named: Vec<Option<(usize, &Range<usize>)>> = vec![None; drafts.len()];
    let mut suggestions_left = MOST_SUGGESTIONS;
    for (index, draft) in drafts.iter().enumerate() {
        let own_name = draft.name.as_ref().map(|name| name.value.as_str());
        for dependency in &draft.dependencies {
            let step = || own_name.map_or_else(|| "a step".to_owned(), |name| format!("step {}", quoted(name)));
            if own_name == Some(dependency.value.as_str()) {
                reader.report(
                    Problem::error(format!("{} depends on itself", step())).at(dependency.span.clone(), "its own name"),
                );
                continue;
            }
            let Some(&parent) = by_name.get(dependency.value.as_str()) else {
                let message =
                    format!("{} depends on {}, which is no step of this template", step(), quoted(&dependency.value));
                let mut problem = Problem::error(message).at(dependency.span.clone(), "no step of this name");
                if suggestions_left > 0 {
                    suggestions_left -= 1;
                    problem = suggest(problem, &dependency.value, by_name.keys().copied());
                }
                reader.report(problem);
                continue;
            };
            if let Some((_, first)) = last_named[parent].filter(|(child, _)| *child == index) {
                reader.report(
                    Problem::warning(format!("{} names {} twice; it counts once", step(), quoted(&dependency.value)))
                        .at(dependency.span.clone(), "here again")
                        .at(first.clone(), "first here"),
                );
                continue;
            }
            last_named[parent] = Some((index, &dependency.span));
            edges.push((parent, index));
        }
    }
    match Graph::new(drafts.len(), &edges) {
        Ok(graph) => (0..drafts.len()).map(|step| graph.parents(step).to_vec()).collect(),
        Err(GraphError::Cyclic(cycles)) => {
            for path in &cycles.paths {
                reader.report(circle(path, drafts));
            }
            Vec::new()
        }
        Err(error) => {
            reader.report(Problem::error(format!("the steps are no graph: {error}")));
            Vec::new()
        }
    }
}

fn unique_names<'d>(drafts: &'d [Draft], reader: &mut Reader<'_>) -> IndexMap<&'d str, usize> {
    let mut by_name: IndexMap<&str, usize> = IndexMap::with_capacity(drafts.len());
    for (index, draft) in drafts.iter().enumerate() {
        let Some(name) = &draft.name else { continue };
        match by_name.get(name.value.as_str()) {
            None => {
                by_name.insert(&name.value, index);
            }
            Some(&first) => {
                let mut problem = Problem::error(format!("two steps are called {}", quoted(&name.value)))
                    .at(name.span.clone(), "the same name again");
                if let Some(place) = place_of(&drafts[first]) {
                    problem = problem.at(place, "first used here");
                }
                reader.report(problem);
            }
        }
    }
    by_name
}

fn check_named(drafts: &[Draft], named_steps: &NamedSteps, reader: &mut Reader<'_>) {
    let mut suggestions_left = MOST_SUGGESTIONS;
    let defined: HashSet<&str> =
        drafts.iter().filter_map(|draft| draft.name.as_ref()).map(|name| name.value.as_str()).collect();
    for draft in drafts {
        let own = draft.name.iter().map(|name| (name, "step"));
        // A dependency that names no step is reported as such, and one that names a step is judged at that step.
        let others = draft
            .dependencies
            .iter()
            .filter(|dependency| defined.contains(dependency.value.as_str()))
            .map(|dependency| (dependency, "dependency"));
        for (name, what) in own.chain(others) {
            if named_steps.contains_key(&name.value) {
                continue;
            }
            let mut problem = Problem::error(format!("the {what} {} is not in `named_steps`", quoted(&name.value)))
                .at(name.span.clone(), "not in the list");
            if suggestions_left > 0 {
                suggestions_left -= 1;
                problem = suggest(problem, &name.value, named_steps.keys().map(String::as_str));
            }
            if problem.help.is_none() {
                problem = problem.help("add it to `named_steps`, or leave `named_steps` out");
            }
            reader.report(problem);
        }
    }
}

fn suggest<'n>(problem: Problem, word: &str, names: impl Iterator<Item = &'n str>) -> Problem {
    let near: Vec<String> = nearest(word, names).into_iter().map(quoted).collect();
    if near.is_empty() {
        return problem;
    }
    problem.help(format!("did you mean {}?", or_list(&near)))
}

fn circle(path: &[usize], drafts: &[Draft]) -> Problem {
    let name_of = |step: usize| {
        drafts[step].name.as_ref().map_or_else(|| format!("step {}", step + 1), |name| quoted(&name.value))
    };
    let mut names: Vec<String> = path.iter().map(|step| name_of(*step)).collect();
    if names.len() > LONGEST_PATH {
        let left_out = names.len() - LONGEST_PATH;
        names.splice(LONGEST_PATH / 2..LONGEST_PATH / 2 + left_out, [format!("… {left_out} more …")]);
    }
    names.push(name_of(path[0]));
    let mut problem = Problem::error(format!("steps wait for each other in a circle: {}", names.join(" → ")));
    for (position, &parent) in path.iter().enumerate() {
        let child = path[(position + 1) % path.len()];
        if let Some(place) = place_of_dependency(&drafts[child], &drafts[parent]) {
            problem = problem.at(place, format!("{} waits for {}", name_of(child), name_of(parent)));
        }
    }
    problem.help("take one of these dependencies away")
}

/// Where a step first names another.
fn place_of_dependency(child: &Draft, parent: &Draft) -> Option<Range<usize>> {
    let name = &parent.name.as_ref()?.value;
    child.dependencies.iter().find(|dependency| dependency.value == *name).map(|dependency| dependency.span.clone())
}
