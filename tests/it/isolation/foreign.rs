//! Whoever has no business in a workspace learns nothing of it: not by any id, text, cursor, filter, order or count, not
//! through any field or mutation, in whatever shape the question is put. And nothing there is touched.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::callers::Caller;
use super::judge::{Expect, Judge, Probe};
use super::operation::{Operation, Shape, Step};
use super::questions::{Question, Width, as_kind};
use super::rules::{Access, ROLES, of_field};
use super::scene::{Scene, UNPUBLISHED};
use super::schema::{Place, Schema, named};
use super::selection::{plain, ways};
use super::values::Values;

/// Fewer probes than this and something has been left out.
const LEAST: usize = 10_000;

/// Makes the probes of one scene.
pub(super) struct Probes<'a> {
    schema: &'a Schema,
    scene: &'a Scene,
    pub(super) made: Vec<Probe>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_1_ten_2_ten_5_ten_6_ten_7_adm_4_what_is_foreign_is_answered_like_what_does_not_exist() {
    let (schema, scene) = (Schema::exported(), Scene::set().await);
    let mut judge = Judge::over(&scene).await;
    let (before, calls) = (scene.app.rows().await, scene.calls());
    let cursors = cursors(&schema, &scene, &mut judge).await;
    let mut probes = Probes::over(&schema, &scene);
    probes.access();
    probes.ids(&Question::reading(&schema));
    probes.texts();
    probes.cursors(&cursors);
    probes.orders();
    probes.nested();
    probes.own();
    judge.try_all(std::mem::take(&mut probes.made)).await;
    let reading = judge.probes;
    probes.ids(&Question::changing(&schema));
    judge.try_all(probes.made).await;
    println!("{} probes, {} of them mutations", judge.probes, judge.probes - reading);
    let count = judge.findings.len();
    assert!(
        judge.findings.is_empty(),
        "{count} findings, the first: {}",
        judge.findings.iter().take(10).cloned().collect::<Vec<_>>().join("\n\n")
    );
    assert!(judge.probes >= LEAST, "only {} probes", judge.probes);
    assert_eq!(scene.app.rows().await, before, "nothing is changed, nothing is enqueued");
    assert_eq!(scene.calls(), calls, "no request left");
}

/// The cursors of every list of the foreign workspace; the judge learns what each would be if its row were not there.
async fn cursors(schema: &Schema, scene: &Scene, judge: &mut Judge) -> BTreeSet<String> {
    let values = Values { schema, tenant: &scene.foreign };
    let mut found = BTreeSet::new();
    for question in Question::reading(schema).iter().filter(|question| !question.cursors(schema).is_empty()) {
        let mut operation = question.asked(values, None, Width::Lean);
        "{ edges { cursor } }".clone_into(&mut operation.selection);
        let answer = judge.ask(Caller::Insider("OWNER"), &operation.written(schema, Shape::Variables).unwrap()).await;
        collect(&serde_json::from_str(&answer.body).unwrap(), &mut found);
    }
    assert!(found.len() >= 10, "few lists gave cursors: {found:?}");
    for cursor in &found {
        let plain = URL_SAFE_NO_PAD.decode(cursor).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        let twin = plain.map_or_else(|| flipped(cursor), |plain| URL_SAFE_NO_PAD.encode(judge.without_ids(&plain)));
        judge.guard(cursor.clone(), twin);
    }
    found
}

fn collect(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
        Value::Object(members) => {
            found.extend(members.get("cursor").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, found));
        }
        _ => {}
    }
}

/// The same cursor with one bit of its middle changed.
fn flipped(cursor: &str) -> String {
    let middle = cursor.len() / 2;
    cursor.char_indices().map(|(at, letter)| if at == middle { if letter == 'A' { 'B' } else { 'A' } } else { letter }).collect()
}

/// What callers get who ask a field in the guarded workspace that is not for them; or, where it is for all, that they may.
fn expected(access: Access) -> Vec<(Caller, Expect)> {
    let unknown = Caller::UNKNOWN.into_iter().map(|(caller, code)| (caller, Expect::Refused(code)));
    match access {
        Access::Public => vec![(Caller::Anonymous, Expect::SameAndUnderstood)],
        Access::SignedIn => unknown.collect(),
        Access::Member(role) => {
            let lower = ROLES.iter().take_while(|lower| **lower != role);
            unknown.chain(lower.map(|lower| (Caller::Insider(lower), Expect::Forbidden(role)))).collect()
        }
        Access::SaasAdmin(role) => {
            let others = [Caller::Neighbour("OWNER"), Caller::Stranger, Caller::Insider("OWNER")];
            let reviewer = (role != "REVIEWER").then_some((Caller::Reviewer, Expect::Forbidden(role)));
            unknown.chain(others.map(|caller| (caller, Expect::Forbidden("SAAS_ADMIN")))).chain(reviewer).collect()
        }
    }
}

impl<'a> Probes<'a> {
    pub(super) fn over(schema: &'a Schema, scene: &'a Scene) -> Self {
        Self { schema, scene, made: Vec::new() }
    }

    fn own_values(&self) -> Values<'a> {
        Values { schema: self.schema, tenant: &self.scene.own }
    }

    fn foreign_values(&self) -> Values<'a> {
        Values { schema: self.schema, tenant: &self.scene.foreign }
    }

    fn add(&mut self, caller: Caller, operation: &Operation, (shape, expect): (Shape, Expect)) {
        if let Some(body) = operation.written(self.schema, shape) {
            let fields = if shape == Shape::Twice { 2 } else { 1 };
            self.made.push(Probe { caller, body, fields, expect });
        }
    }

    /// Every root field: who may not ask it is refused, and the role that is wanting is told.
    fn access(&mut self) {
        let roots = Question::reading(self.schema).into_iter().filter(|question| question.owner == question.root);
        for question in roots.chain(Question::changing(self.schema)) {
            let access = of_field(question.root, &question.field.name.node);
            let operation = question.asked(self.foreign_values(), None, Width::Rich);
            for (caller, expect) in expected(access) {
                for shape in Shape::ALL {
                    self.add(caller, &operation, (shape, expect));
                }
            }
        }
    }

    /// A foreign id in each place that takes one, of the type it takes and of every other.
    fn ids(&mut self, questions: &[Question<'a>]) {
        for question in questions {
            for place in question.places(self.schema, "ID") {
                for (kind, id) in Question::fitting(self.scene, self.schema, &place) {
                    self.fitting_id(question, &place, (kind, id));
                }
                self.every_id(question, &place);
            }
        }
    }

    /// An id of the right type: alone among the caller's own, and with everything else foreign, too.
    fn fitting_id(&mut self, question: &Question<'a>, place: &Place, (kind, id): (&str, &str)) {
        let returned = named(&question.field.ty.node);
        let put = |values| as_kind(self.schema, question.asked(values, Some((place, &json!(id))), Width::Rich), returned, kind);
        let (alone, all) = (put(self.own_values()), put(self.foreign_values()));
        for caller in Caller::OUTSIDERS.into_iter().filter(|caller| caller.is_kept_from(id)) {
            for shape in Shape::ALL {
                self.add(caller, &alone, (shape, Expect::SameAndUnderstood));
            }
            if question.owner == question.root || caller.is_kept_from(self.scene.foreign.id(question.owner)) {
                self.add(caller, &all, (Shape::Variables, Expect::SameAndUnderstood));
            }
        }
        for (caller, code) in Caller::UNKNOWN {
            for shape in Shape::ALL {
                self.add(caller, &alone, (shape, Expect::Refused(code)));
            }
        }
    }

    /// Ids of all types at a time, each under a name of its own.
    fn every_id(&mut self, question: &Question<'a>, place: &Place) {
        let put = |id: &str| question.asked(self.own_values(), Some((place, &json!(id))), Width::Lean);
        let every: Vec<_> = self.scene.foreign_nodes(self.schema).map(|(_, id)| put(id)).collect();
        for caller in Caller::OUTSIDERS.into_iter().filter(|caller| *caller != Caller::Reviewer) {
            let body = Operation::together(&every).unwrap();
            self.made.push(Probe { caller, body, fields: every.len(), expect: Expect::Same });
        }
    }

    /// Foreign names and words in each text of a query.
    fn texts(&mut self) {
        for question in Question::reading(self.schema) {
            for place in question.places(self.schema, "String") {
                for text in [self.scene.foreign.mark, UNPUBLISHED] {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(text))), Width::Rich);
                    for caller in Caller::OUTSIDERS.into_iter().filter(|caller| *caller != Caller::Reviewer || text != UNPUBLISHED) {
                        for shape in [Shape::Variables, Shape::Literals, Shape::NamedFragment] {
                            self.add(caller, &operation, (shape, Expect::Same));
                        }
                    }
                }
            }
        }
    }

    /// Cursors of every foreign list, whole and damaged, in every list of the caller's own.
    fn cursors(&mut self, cursors: &BTreeSet<String>) {
        for question in Question::reading(self.schema) {
            for place in question.cursors(self.schema) {
                for cursor in cursors.iter().flat_map(|cursor| [cursor.clone(), flipped(cursor)]) {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(cursor))), Width::Rich);
                    for caller in [Caller::Neighbour("OWNER"), Caller::Neighbour("VIEWER")] {
                        self.add(caller, &operation, (Shape::Variables, Expect::Same));
                    }
                }
            }
        }
    }

    /// Every order and every word that a list can be asked for.
    fn orders(&mut self) {
        for question in Question::reading(self.schema) {
            for place in self.schema.places(question.owner, question.field) {
                for word in self.schema.values(&place.kind) {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(word))), Width::Rich);
                    for caller in Caller::OUTSIDERS {
                        self.add(caller, &operation, (Shape::Variables, Expect::Own));
                    }
                }
            }
        }
    }

    /// Every way of two fields from a foreign object on.
    fn nested(&mut self) {
        for (kind, id) in self.scene.foreign_nodes(self.schema) {
            for way in ways(self.own_values(), kind, 2) {
                let steps = [Step::node(id, kind)].into_iter().chain(way.steps).collect();
                let operation = Operation { root: "Query", steps, selection: plain(self.schema, &way.end) };
                for caller in Caller::OUTSIDERS.into_iter().filter(|caller| caller.is_kept_from(id)) {
                    self.add(caller, &operation, (Shape::Variables, Expect::SameAndUnderstood));
                }
            }
        }
    }

    /// Every way of up to three fields through what is the caller's own: nothing foreign is met, and counts are right.
    pub(super) fn own(&mut self) {
        let nodes = self.schema.implementers("Node").into_iter().map(|kind| (Step::node(self.scene.own.id(kind), kind), kind, 2));
        let roots =
            [(Step::node(self.scene.own.id("Workspace"), "Workspace"), "Workspace", 3), (Step::new("viewer", Vec::new()), "Viewer", 3)];
        let starts: Vec<_> = nodes.chain(roots).collect();
        for (start, kind, depth) in starts {
            for way in ways(self.own_values(), kind, depth) {
                let steps = [start.clone()].into_iter().chain(way.steps).collect();
                let operation = Operation { root: "Query", steps, selection: plain(self.schema, &way.end) };
                self.add(Caller::Neighbour("OWNER"), &operation, (Shape::Variables, Expect::Own));
            }
        }
    }
}
