//! Makes the probes of a scene: every way in which someone who has no business in a workspace could ask for what is in
//! it, by any id, text, cursor, filter or order, through any field or mutation, in whatever shape the question is put.

use std::collections::BTreeSet;

use serde_json::json;

use super::callers::Caller;
use super::cursors::flipped;
use super::judge::{Expect, Kind, Probe};
use super::operation::{Operation, Shape, Step};
use super::questions::{Question, Width, as_kind};
use super::rules::{Access, ROLES, of_field};
use super::scene::{Ids, Scene};
use super::schema::{Place, Schema, named};
use super::selection::{plain, ways};
use super::values::Values;

/// Makes the probes of one scene.
#[derive(Debug)]
pub struct Probes<'a> {
    schema: &'a Schema,
    scene: &'a Scene,
    /// Those made so far and not yet taken.
    pub made: Vec<Probe>,
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

/// What sort of question a field makes.
fn kind_of(question: &Question<'_>) -> Kind {
    match (question.root, question.field.name.node.as_str()) {
        ("Mutation", _) => Kind::Mutation,
        _ if question.owner != question.root => Kind::Nested,
        (_, "node" | "nodes") => Kind::Node,
        _ => Kind::Query,
    }
}

/// Is it of a kind that workspaces have? Templates and SaaS admins are the whole server's.
fn is_of_a_workspace(id: &str) -> bool {
    !["tpl_", "tpv_", "adm_"].iter().any(|prefix| id.starts_with(prefix))
}

impl<'a> Probes<'a> {
    /// No probes yet.
    pub fn over(schema: &'a Schema, scene: &'a Scene) -> Self {
        Self { schema, scene, made: Vec::new() }
    }

    fn own_values(&self) -> Values<'a> {
        Values { schema: self.schema, tenant: &self.scene.own }
    }

    fn foreign_values(&self) -> Values<'a> {
        Values { schema: self.schema, tenant: &self.scene.foreign }
    }

    fn push(&mut self, probe: Probe) {
        if self.scene.tokens.contains_key(&probe.caller) {
            self.made.push(probe);
        }
    }

    fn add(&mut self, (kind, caller): (Kind, Caller), operation: &Operation, (shape, expect): (Shape, Expect)) {
        if let Some(body) = operation.written(self.schema, shape) {
            let fields = if shape == Shape::Twice { 2 } else { 1 };
            self.push(Probe { kind, caller, body, fields, expect });
        }
    }

    /// The questions about queries that can be put: the caller has an object to begin at.
    fn reading(&self) -> Vec<Question<'a>> {
        let nodes = self.schema.implementers("Node");
        let mut questions = Question::reading(self.schema);
        questions.retain(|question| !nodes.contains(&question.owner) || self.scene.own.id(question.owner).is_some());
        questions
    }

    /// What is there is found by its own workspace: if it were not, all that follows would prove nothing.
    pub fn control(&mut self) {
        let find = |ids: &'a Ids, caller| ids.iter().map(move |(kind, id)| (kind, id, caller));
        let insiders = find(&self.scene.foreign.ids, Caller::Insider("OWNER"));
        let neighbours = find(&self.scene.own.ids, Caller::Neighbour("OWNER"));
        for (kind, id, caller) in insiders.chain(neighbours).filter(|(_, id, _)| is_of_a_workspace(id)) {
            let operation = Operation { root: "Query", steps: vec![Step::node(id, kind)], selection: plain(self.schema, kind) };
            self.add((Kind::Control, caller), &operation, (Shape::Variables, Expect::Found));
        }
    }

    /// Every root field: who may not ask it is refused, and the role that is wanting is told.
    pub fn access(&mut self) {
        let roots = Question::reading(self.schema).into_iter().filter(|question| question.owner == question.root);
        for question in roots.chain(Question::changing(self.schema)) {
            let access = of_field(question.root, &question.field.name.node);
            let operation = question.asked(self.foreign_values(), None, Width::Rich);
            for (caller, expect) in access.map(expected).unwrap_or_default() {
                for shape in Shape::ALL {
                    self.add((kind_of(&question), caller), &operation, (shape, expect));
                }
            }
        }
    }

    /// A foreign id in each place of a query that takes one, of the type it takes and of every other.
    pub fn ids_in_queries(&mut self) {
        self.ids(&self.reading());
    }

    /// The same for mutations.
    pub fn ids_in_mutations(&mut self) {
        self.ids(&Question::changing(self.schema));
    }

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
        let sort = kind_of(question);
        for caller in Caller::OUTSIDERS.into_iter().filter(|caller| caller.is_kept_from(id)) {
            for shape in Shape::ALL {
                self.add((sort, caller), &alone, (shape, Expect::SameAndUnderstood));
            }
            let owner = self.scene.foreign.id(question.owner);
            if question.owner == question.root || owner.is_some_and(|owner| caller.is_kept_from(owner)) {
                self.add((sort, caller), &all, (Shape::Variables, Expect::SameAndUnderstood));
            }
        }
        for (caller, code) in Caller::UNKNOWN {
            for shape in Shape::ALL {
                self.add((sort, caller), &alone, (shape, Expect::Refused(code)));
            }
        }
    }

    /// Ids of all types at a time, each under a name of its own.
    fn every_id(&mut self, question: &Question<'a>, place: &Place) {
        let put = |id: &str| question.asked(self.own_values(), Some((place, &json!(id))), Width::Lean);
        let every: Vec<_> = self.scene.foreign_nodes(self.schema).map(|(_, id)| put(id)).collect();
        let Some(body) = Operation::together(&every) else { return };
        for caller in Caller::OUTSIDERS.into_iter().filter(|caller| *caller != Caller::Reviewer) {
            self.push(Probe { kind: kind_of(question), caller, body: body.clone(), fields: every.len(), expect: Expect::Same });
        }
    }

    /// Foreign names and words in each text of a query.
    pub fn texts(&mut self) {
        for question in self.reading() {
            for place in question.places(self.schema, "String") {
                for word in &self.scene.words {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(word.foreign))), Width::Rich);
                    for caller in Caller::OUTSIDERS.into_iter().filter(|caller| *caller != Caller::Reviewer || !word.admins_may) {
                        for shape in [Shape::Variables, Shape::Literals, Shape::NamedFragment] {
                            self.add((Kind::Text, caller), &operation, (shape, Expect::Same));
                        }
                    }
                }
            }
        }
    }

    /// Cursors of every foreign list, whole and damaged, in every list of the caller's own.
    pub fn cursors(&mut self, cursors: &BTreeSet<String>) {
        for question in self.reading() {
            for place in question.cursors(self.schema) {
                for cursor in cursors.iter().flat_map(|cursor| [cursor.clone(), flipped(cursor)]) {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(cursor))), Width::Rich);
                    for caller in [Caller::Neighbour("OWNER"), Caller::Neighbour("VIEWER")] {
                        self.add((Kind::Cursor, caller), &operation, (Shape::Variables, Expect::Same));
                    }
                }
            }
        }
    }

    /// Every order and every word that a list can be asked for.
    pub fn orders(&mut self) {
        for question in self.reading() {
            for place in self.schema.places(question.owner, question.field) {
                for word in self.schema.values(&place.kind) {
                    let operation = question.asked(self.own_values(), Some((&place, &json!(word))), Width::Rich);
                    for caller in Caller::OUTSIDERS {
                        self.add((Kind::Order, caller), &operation, (Shape::Variables, Expect::Own));
                    }
                }
            }
        }
    }

    /// Every way of two fields from a foreign object on.
    pub fn nested(&mut self) {
        for (kind, id) in self.scene.foreign_nodes(self.schema) {
            for way in ways(self.own_values(), kind, 2) {
                let steps = [Step::node(id, kind)].into_iter().chain(way.steps).collect();
                let operation = Operation { root: "Query", steps, selection: plain(self.schema, &way.end) };
                for caller in Caller::OUTSIDERS.into_iter().filter(|caller| caller.is_kept_from(id)) {
                    self.add((Kind::Nested, caller), &operation, (Shape::Variables, Expect::SameAndUnderstood));
                }
            }
        }
    }

    /// Every way of up to three fields through what is the caller's own: nothing foreign is met, and counts are right.
    pub fn own(&mut self) {
        let own = |kind| Some(Step::node(self.scene.own.id(kind)?, kind));
        let nodes = self.schema.implementers("Node").into_iter().filter_map(|kind| Some((own(kind)?, kind, 2)));
        let workspace = own("Workspace").map(|step| (step, "Workspace", 3));
        let starts: Vec<_> = nodes.chain(workspace).chain([(Step::new("viewer", Vec::new()), "Viewer", 3)]).collect();
        for (start, kind, depth) in starts {
            for way in ways(self.own_values(), kind, depth) {
                let steps = [start.clone()].into_iter().chain(way.steps).collect();
                let operation = Operation { root: "Query", steps, selection: plain(self.schema, &way.end) };
                self.add((Kind::Own, Caller::Neighbour("OWNER")), &operation, (Shape::Variables, Expect::Own));
            }
        }
    }
}
