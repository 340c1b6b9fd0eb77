//! What the graph makes of a path: which nodes are one, and which never.

use proptest::prelude::*;

use super::samples::{self, flows};
use super::{Graph, Kind};
use crate::model::topology::{Link, Path};
use crate::report::text::tests::compare_file;
use crate::report::{Document, Form, Style, fixtures, render};

fn sample(name: &str) -> Path {
    let all = samples::all();
    all.into_iter().find(|(known, _)| *known == name).unwrap().1
}

fn links(path: &Path) -> Vec<String> {
    let endpoint = samples::endpoint();
    let graph = Graph::of(path, &endpoint);
    graph
        .links
        .iter()
        .map(|(from, to)| {
            format!(
                "{}>{}",
                graph.vertices[*from].id(),
                graph.vertices[*to].id()
            )
        })
        .collect()
}

#[test]
fn a_router_behind_unequal_arms_is_one() {
    assert_eq!(
        links(&sample("unequal-arms")),
        [
            "1.1>2.1", "1.1>2.2", "2.1>3.1", "2.2>3.2", "3.1>3.2", "3.2>4.2", "4.2>5.2"
        ]
    );
}

#[test]
fn a_router_that_a_flow_meets_twice_is_drawn_twice() {
    let path = sample("loop");
    let endpoint = samples::endpoint();
    let graph = Graph::of(&path, &endpoint);
    assert_eq!(graph.vertices.len(), 6);
    assert_eq!(graph.vertices[4].again, Some(3));
    // Also where it answers twice in a row, as one that forwards a TTL of zero does.
    let path = flows(&["1.1 2.1 3.1 4.1!"])
        .alike(&["2.1", "3.1"], "10.2.0.1")
        .target(&["4.1"]);
    assert_eq!(Graph::of(&path, &endpoint).vertices.len(), 4);
    // And where the hop between told nothing at all.
    let mut path = flows(&["1.1 2.1 4.1 5.1!"])
        .alike(&["2.1", "4.1"], "10.2.0.1")
        .target(&["5.1"]);
    path.links.retain(|link| link.ttl != 4);
    assert_eq!(Graph::of(&path, &endpoint).vertices.len(), 4);
}

#[test]
fn a_run_of_silence_is_one_vertex_and_arms_of_it_are_not() {
    let path = sample("black-hole");
    let endpoint = samples::endpoint();
    let graph = Graph::of(&path, &endpoint);
    let silent: Vec<String> = graph
        .vertices
        .iter()
        .filter(|vertex| vertex.kind == Kind::Silent)
        .map(super::Vertex::distances)
        .collect();
    assert_eq!(silent, ["4–7"]);
    let split = flows(&["1.1 2.0 3.0 4.1!", "1.1 2.0 3.1 4.1!"]).target(&["4.1"]);
    assert_eq!(Graph::of(&split, &endpoint).vertices.len(), 5);
}

#[test]
fn the_silence_of_a_limited_router_is_its_own_only_where_that_adds_no_link() {
    let endpoint = samples::endpoint();
    let alone = sample("limited-alone");
    assert!(Graph::of(&alone, &endpoint).straight());
    let elsewhere = flows(&["1.1 2.1 3.1 4.1!", "1.1 2.0 3.2 4.1!"])
        .with("2.1", |node| node.limited = true)
        .target(&["4.1"]);
    assert!(!Graph::of(&elsewhere, &endpoint).straight());
}

#[test]
fn the_arm_on_which_no_flow_arrives_is_told_where_it_begins() {
    let path = sample("dead-arm");
    let endpoint = samples::endpoint();
    let graph = Graph::of(&path, &endpoint);
    let dead: Vec<&str> = graph
        .dead_ends()
        .into_iter()
        .map(|at| graph.vertices[at].id())
        .collect();
    assert_eq!(dead, ["2.3"]);
    // Where nothing arrives at all, no arm is to blame.
    let path = sample("black-hole");
    assert_eq!(Graph::of(&path, &endpoint).dead_ends(), Vec::<usize>::new());
}

#[test]
fn what_is_translated_is_told_where_it_is_first_seen() {
    let path = sample("told-much");
    let endpoint = samples::endpoint();
    let graph = Graph::of(&path, &endpoint);
    let told: Vec<usize> = graph
        .vertices
        .iter()
        .map(|vertex| vertex.rewritten.len())
        .collect();
    assert_eq!(told, [0, 0, 0, 2, 0]);
}

#[test]
fn the_targets_address_with_time_exceeded_is_no_arrival() {
    let endpoint = samples::endpoint();
    let path = flows(&["1.1 2.1x"]).alike(&["2.1"], samples::TARGET).path;
    let graph = Graph::of(&path, &endpoint);
    assert!(
        graph
            .vertices
            .iter()
            .all(|vertex| vertex.kind == Kind::Router)
    );
}

/// The forms for documents as files, so that they can be opened and looked at.
#[test]
fn topologies_are_what_was_looked_at() {
    let style = Style::default();
    let forms = [Form::Dot, Form::Mermaid, Form::Svg];
    for (_, extension, form) in Form::ALL.iter().filter(|(.., form)| forms.contains(form)) {
        let extension = extension.unwrap();
        for name in [
            "dead-arm",
            "unequal-arms",
            "told-much",
            "black-hole",
            "hostile",
        ] {
            let report = samples::report(&sample(name));
            let text = render(Document::Report(&report), *form, &style).unwrap();
            compare_file(&format!("topology-{name}.{extension}"), &text);
        }
        let batch = fixtures::batch();
        let text = render(Document::Batch(&batch), *form, &style).unwrap();
        compare_file(&format!("topology-batch.{extension}"), &text);
    }
}

proptest! {
    /// A report may come from a file: links that lead nowhere, back, or to themselves end in no circle and no panic.
    #[test]
    fn any_links_make_a_graph_without_a_circle(pairs in prop::collection::vec((1_u8..6, 0_u32..4, 1_u8..6, 0_u32..4), 0..40)) {
        let mut path = samples::mesh(&[]);
        path.links = pairs
            .iter()
            .map(|(ttl, n, other, m)| Link { from: format!("{ttl}.{n}"), to: format!("{other}.{m}"), ttl: *other })
            .collect();
        let endpoint = samples::endpoint();
        let graph = Graph::of(&path, &endpoint);
        prop_assert!(super::merge::onward(graph.vertices.len(), &graph.links).is_some());
        let known = |id: &str| path.hops.iter().flat_map(|hop| &hop.nodes).any(|node| node.id == id);
        let real = path.links.iter().filter(|link| known(&link.from) && known(&link.to) && link.from != link.to);
        let told = graph.links.len() + graph.backward.iter().filter(|(from, to)| from != to).count();
        let mut distinct: Vec<_> = real.map(|link| (&link.from, &link.to)).collect();
        distinct.sort();
        distinct.dedup();
        prop_assert_eq!(told, distinct.len());
    }
}
