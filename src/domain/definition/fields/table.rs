//! The table itself. A new field of the language is a new line here and a new member of the type it becomes.

use super::{Field, Object, Pattern, Shape};
use crate::domain::definition::{MAX_SLOTS, MAX_STEPS};

/// Characters a JSONPath may have.
pub const MAX_PATH: usize = 1024;

const DAY: u64 = 86_400;
const WAIT: Shape = Shape::Duration { zero: false, max_secs: DAY };
const TIMEOUT: Shape = Shape::Duration { zero: false, max_secs: 600 };
const POLL_EVERY: Shape = Shape::Duration { zero: false, max_secs: 3600 };
const KEEP: Shape = Shape::Duration { zero: true, max_secs: 3650 * DAY };
const METHOD: Shape = words(&["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]);
const STATUS: Shape = Shape::Integer(100, 599);
const STATUSES: Shape = Shape::List { of: &STATUS, min: 1, max: 100 };
const HEADERS: Shape = Shape::Map { of: &Shape::Scalar, keys: Pattern::Filled, max: 50 };
const VALUE_TYPE: Shape = words(&["string", "number", "integer", "boolean", "object", "array"]);
const CLASS: Shape = words(&["transient", "rate_limited", "credential", "configuration", "data", "upstream", "system"]);
const ANY_NUMBER: Shape = Shape::Number(0.0, 1e9);

const STEPS: Shape = Shape::List { of: &Shape::Step, min: 0, max: MAX_STEPS };
const SOME_STEPS: Shape = Shape::List { of: &Shape::Step, min: 1, max: MAX_STEPS };

const fn words(known: &'static [&'static str]) -> Shape {
    Shape::Words { known, later: &[] }
}

const fn object(name: &'static str, doc: &'static str, fields: &'static [Field]) -> Object {
    Object { name, doc, base: &[], fields }
}

/// The whole document.
pub static DEFINITION: Object = object(
    "definition",
    "A connector or template: which API is called, what it needs, and where results go.",
    &[
        Field::new("spec", Shape::Spec, "The format of the document.").required(),
        Field::new("kind", words(&["connector", "template"]), "Of one workspace, or of the catalogue.").required(),
        Field::new("meta", Shape::Object(&META), "Name and texts.").required(),
        Field::new(
            "inputs",
            Shape::JsonSchema,
            "JSON Schema of what one run is given; `x-bind` names the contact field a value comes from.",
        ),
        Field::new("config", Shape::JsonSchema, "JSON Schema of what is set once, at install."),
        Field::new(
            "outputs",
            Shape::Map { of: &Shape::Object(&OUTPUT), keys: Pattern::Member, max: 100 },
            "Name of an output and where its value comes from.",
        ),
        Field::new(
            "credentials",
            Shape::Map { of: &Shape::Object(&SLOT), keys: Pattern::Id, max: MAX_SLOTS },
            "Name of a slot and what credential fits.",
        ),
        Field::new("defaults", Shape::Object(&DEFAULTS), "What every http step has unless it says otherwise."),
        Field::new(
            "limits",
            Shape::Map { of: &Shape::Object(&LIMIT), keys: Pattern::Id, max: 20 },
            "Name of a budget and how many calls it allows, for all runs in its scope together.",
        ),
        Field::new("steps", Shape::List { of: &Shape::Step, min: 1, max: MAX_STEPS }, "The steps, run in order.").required(),
        Field::new("mapping", Shape::Object(&MAPPING), "How results reach contacts."),
        Field::new("redact", Shape::List { of: &Shape::JsonPath, min: 0, max: 50 }, "JSONPaths whose values are never stored."),
        Field::new("retain", Shape::Object(&RETAIN), "How long payloads are kept."),
        Field::new("tests", Shape::List { of: &Shape::Object(&TEST), min: 0, max: 50 }, "Recorded runs that need no network."),
    ],
);

/// `meta`.
pub static META: Object = object(
    "meta",
    "Name and texts of a definition.",
    &[
        Field::new("slug", Shape::Pattern(Pattern::Slug), "Name for addresses.").required(),
        Field::new("title", Shape::Label(120), "Name to show.").required(),
        Field::new("summary", Shape::Text(500), "One sentence."),
        Field::new("icon", Shape::Label(64), "An emoji or the name of an icon."),
        Field::new("category", Shape::Pattern(Pattern::Slug), "Slug of a category."),
        Field::new("tags", Shape::List { of: &Shape::Label(40), min: 0, max: 20 }, "Free labels."),
        Field::new("provider", Shape::Label(120), "Who runs the API."),
        Field::new("docs", Shape::Pattern(Pattern::WebAddress), "Address of the API's documentation."),
    ],
);

/// A member of `outputs`.
pub static OUTPUT: Object = object(
    "output",
    "One output.",
    &[
        Field::new("type", VALUE_TYPE, "JSON type of the value."),
        Field::new("value", Shape::Values, "Expression giving the value.").required(),
    ],
);

/// A member of `credentials`.
pub static SLOT: Object = object(
    "slot",
    "A place for a credential.",
    &[
        Field::new(
            "kind",
            Shape::Words { known: &["api_key", "bearer", "basic"], later: &["oauth2_client_credentials", "oauth2_code", "custom"] },
            "Kind of credential that fits.",
        )
        .required(),
        Field::new("label", Shape::Label(120), "Name to show; the slot's name unless told."),
        Field::new("help", Shape::Text(2000), "How a person gets such a credential, in Markdown."),
        Field::new(
            "hosts",
            Shape::List { of: &Shape::Pattern(Pattern::Host), min: 0, max: 20 },
            "Hosts the secret may go to, `*.` allowed in front; nowhere else.",
        )
        .required(),
        Field::new("inject", Shape::Object(&INJECT), "How the secret enters a request; by the kind's usual way unless told."),
        Field::new("test", Shape::Object(&TEST_REQUEST), "A request that shows whether a credential works."),
        Field::later("fields"),
        Field::later("scopes"),
        Field::later("auth_url"),
        Field::later("token_url"),
        Field::later("pkce"),
    ],
);

/// `inject` of a slot.
pub static INJECT: Object = object(
    "inject",
    "How a secret enters a request.",
    &[
        Field::new("in", words(&["header", "query", "cookie", "body"]), "Where.").required(),
        Field::new("name", Shape::Pattern(Pattern::Filled), "Name of the header, query parameter, cookie or body member.").required(),
        Field::new("format", Shape::Text(200), "Text around the secret; `{}` stands for it.").default("\"{}\""),
    ],
);

/// `test` of a slot.
pub static TEST_REQUEST: Object = object(
    "test_request",
    "A request that shows whether a credential works.",
    &[
        Field::new("method", METHOD, "Method.").required(),
        Field::new("url", Shape::Text(2048), "Absolute address, without expressions."),
        Field::new("path", Shape::Text(2048), "Below `defaults.base_url`, without expressions."),
        Field::new("expect_status", STATUSES, "Statuses that mean the credential works; any 2xx unless told."),
    ],
);

/// `defaults`.
pub static DEFAULTS: Object = object(
    "defaults",
    "What every http step has unless it says otherwise.",
    &[
        Field::new("base_url", Shape::Template, "Address that the `path` of a request is joined to."),
        Field::new("headers", HEADERS, "Header name and value."),
        Field::new("timeout", TIMEOUT, "Most time for one attempt, `PT10M` at most."),
        Field::new("retry", Shape::Object(&RETRY), "When to try again."),
        Field::new("auth", Shape::Pattern(Pattern::Filled), "Credential slot."),
        Field::new("limit", Shape::Pattern(Pattern::Filled), "Budget, by its name in `limits`."),
    ],
);

/// A member of `limits`.
pub static LIMIT: Object = object(
    "limit",
    "How many calls may be made, by everyone in its scope together.",
    &[
        Field::new("scope", words(&["credential", "workspace", "connector"]), "Runs of what share it.").default("\"credential\""),
        Field::new("rates", Shape::List { of: &Shape::Object(&RATE), min: 1, max: 5 }, "So many calls in so long; all of them hold."),
        Field::new("headers", Shape::Object(&LIMIT_HEADERS), "Headers by which the service tells what is left."),
    ],
);

/// A member of `rates`.
pub static RATE: Object = object(
    "rate",
    "So many calls in so long.",
    &[
        Field::new("limit", Shape::Integer(1, 10_000), "Calls.").required(),
        Field::new("per", WAIT, "In any span of this length.").required(),
    ],
);

/// `headers` of a limit.
pub static LIMIT_HEADERS: Object = object(
    "limit_headers",
    "Headers by which a service tells what is left of a budget.",
    &[
        Field::new("remaining", Shape::Pattern(Pattern::Header), "Calls left.").required(),
        Field::new("reset", Shape::Pattern(Pattern::Header), "When there are more: seconds from now, or since 1970.").required(),
    ],
);

/// What steps of every kind have.
pub static STEP_BASE: &[Field] = &[
    Field::new("id", Shape::Pattern(Pattern::Id), "Name, unique in the definition.").required(),
    Field::new("kind", Shape::Text(64), "What the step does.").required(),
    Field::new("title", Shape::Label(120), "Name to show."),
    Field::new("when", Shape::Expression, "The step runs only if this comes out true."),
    Field::new("on_error", words(&["fail", "continue", "stop"]), "What follows when it fails for good.").default("\"fail\""),
    Field::new("timeout", WAIT, "Most time for one attempt, `PT10M` at most; of a `poll`, for the whole job."),
    Field::new("retry", Shape::Object(&RETRY), "When to try again."),
    Field::new("cost", ANY_NUMBER, "What one run of it costs, in units of the definition.").default("0"),
    Field::later("cache"),
];

const fn step(name: &'static str, doc: &'static str, fields: &'static [Field]) -> Object {
    Object { name, doc, base: STEP_BASE, fields }
}

/// Steps that call an API.
pub static HTTP_STEP: Object = step(
    "http_step",
    "Calls an API and takes values from the answer.",
    &[
        Field::new("request", Shape::Object(&REQUEST), "The call.").required(),
        Field::new("auth", Shape::Pattern(Pattern::Filled), "Credential slot; `defaults.auth` unless told."),
        Field::new("response", Shape::Object(&RESPONSE), "How the answer is read."),
        Field::new("rules", Shape::List { of: &Shape::Object(&RULE), min: 0, max: 50 }, "What answers mean; the first that fits wins."),
        Field::new(
            "extract",
            Shape::Map { of: &Shape::Object(&EXTRACTION), keys: Pattern::Member, max: 100 },
            "Name and where its value is in the answer.",
        ),
        Field::new("paginate", Shape::Object(&PAGINATE), "Through the pages of a list, in one step."),
        Field::new("schema", Shape::Object(&BODY_CHECK), "What the answer must be like."),
        Field::new("idempotency", Shape::Object(&IDEMPOTENCY), "How repetitions are made known to the service."),
        Field::new("limit", Shape::Pattern(Pattern::Filled), "Budget, by its name in `limits`; `defaults.limit` unless told."),
    ],
);

/// `paginate` of an http step.
pub static PAGINATE: Object = object(
    "paginate",
    "Through the pages of a list: extracts of `all` are joined, others come from the first page that has them.",
    &[
        Field::new("kind", words(&["cursor", "offset", "page", "link", "next_url"]), "How the service names the next page.").required(),
        Field::new("token", Shape::JsonPath, "The cursor, or the next address, in the body."),
        Field::new("inject", Shape::Object(&PAGE_INJECT), "Where cursor, offset or number of the page go."),
        Field::new("size", Shape::Object(&PAGE_SIZE), "The size of a page and where it goes."),
        Field::new("start", Shape::Integer(0, 1_000_000), "The number of the first page, for `page`.").default("1"),
        Field::new("records", Shape::JsonPath, "The records of a page; what extracts of `all` take unless told."),
        Field::new("stop_when", Shape::Expression, "This page is the last if it comes out true; sees `page` and `response`."),
        Field::new("max_pages", Shape::Integer(1, 1000), "Pages at most.").default("100"),
        Field::new("max_records", Shape::Integer(1, 1_000_000), "Records at most; the rest of the last page is left out."),
    ],
);

const PAGE_PLACE: Shape = words(&["query", "header", "body"]);

/// `inject` of `paginate`.
pub static PAGE_INJECT: Object = object(
    "page_inject",
    "Where something goes in the request for a page.",
    &[
        Field::new("in", PAGE_PLACE, "Where; in the body as a top member of its JSON.").default("\"query\""),
        Field::new("name", Shape::Pattern(Pattern::Filled), "Name of the query parameter, header or member.").required(),
    ],
);

/// `size` of `paginate`.
pub static PAGE_SIZE: Object = object(
    "page_size",
    "The size of a page and where it goes.",
    &[
        Field::new("in", PAGE_PLACE, "Where; in the body as a top member of its JSON.").default("\"query\""),
        Field::new("name", Shape::Pattern(Pattern::Filled), "Name of the query parameter, header or member.").required(),
        Field::new("value", Shape::Integer(1, 100_000), "The size.").required(),
    ],
);

/// `schema` of an http step.
pub static BODY_CHECK: Object = object(
    "body_check",
    "What an answer must be like.",
    &[
        Field::new("body", Shape::JsonObject, "JSON Schema 2020-12 of the decoded body.").required(),
        Field::new("on_mismatch", words(&["warn", "fail"]), "Tell the log, or fail the step.").default("\"fail\""),
    ],
);

/// `idempotency` of an http step.
pub static IDEMPOTENCY: Object = object(
    "idempotency",
    "How repetitions of a request are made known to the service.",
    &[
        Field::new("header", Shape::Pattern(Pattern::Header), "Header that carries the key.").default("\"Idempotency-Key\""),
        Field::new("key", Shape::Template, "The same for all attempts of a step; the run and the step unless told."),
    ],
);

/// Steps that run a job.
pub static POLL_STEP: Object = step(
    "poll_step",
    "Starts a job and asks for it until it is done; the body of the first answer is `steps.<id>.created` for the other requests.",
    &[
        Field::new("create", Shape::Object(&REQUEST), "Starts the job.").required(),
        Field::new("status", Shape::Object(&POLL_STATUS), "Asks how far the job is.").required(),
        Field::new("every", POLL_EVERY, "Between two askings, `PT1S` to `PT1H`.").default("\"PT5S\""),
        Field::new("result", Shape::Object(&REQUEST), "Fetches the result; the last answer to `status` has it unless told."),
        Field::new("abort", Shape::Object(&REQUEST), "Gives the job up when it takes longer than `timeout`."),
        Field::new("auth", Shape::Pattern(Pattern::Filled), "Credential slot; `defaults.auth` unless told."),
        Field::new("limit", Shape::Pattern(Pattern::Filled), "Budget, by its name in `limits`; `defaults.limit` unless told."),
        Field::new("response", Shape::Object(&RESPONSE), "How answers are read."),
        Field::new("rules", Shape::List { of: &Shape::Object(&RULE), min: 0, max: 50 }, "What answers mean; the first that fits wins."),
        Field::new(
            "extract",
            Shape::Map { of: &Shape::Object(&EXTRACTION), keys: Pattern::Member, max: 100 },
            "Name and where its value is in the result.",
        ),
        Field::new("schema", Shape::Object(&BODY_CHECK), "What the result must be like."),
    ],
);

/// `status` of a poll step.
pub static POLL_STATUS: Object = Object {
    name: "poll_status",
    doc: "Asks how far a job is.",
    base: REQUEST.fields,
    fields: &[
        Field::new("state", Shape::JsonPath, "Where the job's state is in the answer.").required(),
        Field::new("states", Shape::Object(&POLL_STATES), "What states mean.").required(),
    ],
};

const WORD_LIST: Shape = Shape::List { of: &Shape::Text(120), min: 0, max: 50 };

/// `states` of `status`.
pub static POLL_STATES: Object = object(
    "poll_states",
    "What states of a job mean.",
    &[
        Field::new("done", Shape::List { of: &Shape::Text(120), min: 1, max: 50 }, "The result is there.").required(),
        Field::new("failed", WORD_LIST, "There will be none.").default("[]"),
        Field::new("running", WORD_LIST, "It is being worked on; every other state, unless some are named.").default("[]"),
    ],
);

/// Steps that call another connector.
pub static CALL_STEP: Object = step(
    "call_step",
    "Runs another connector of the workspace, as it is published; its outputs are the step's result. Its mapping is left out.",
    &[
        Field::new("connector", Shape::Pattern(Pattern::Filled), "Key of the connector.").required(),
        Field::new(
            "inputs",
            Shape::Map { of: &Shape::Values, keys: Pattern::Filled, max: 100 },
            "Name of an input and what it is given; inputs bound to contact fields are filled from the run's contact.",
        ),
    ],
);

/// Steps that compute values.
pub static SET_STEP: Object = step(
    "set_step",
    "Computes values.",
    &[Field::new(
        "values",
        Shape::Map { of: &Shape::Values, keys: Pattern::Member, max: 100 },
        "Name and expression, or JSON with expressions in it.",
    )
    .required()],
);

/// Steps that choose.
pub static BRANCH_STEP: Object = step(
    "branch_step",
    "Runs the steps of the first case whose condition comes out true. Those steps can be used after it; they are null when they did not run.",
    &[
        Field::new("cases", Shape::List { of: &Shape::Object(&CASE), min: 1, max: 50 }, "The cases, looked at in order.").required(),
        Field::new("default", STEPS, "Run when no case fits."),
    ],
);

/// A member of `cases`.
pub static CASE: Object = object(
    "case",
    "One case of a branch.",
    &[
        Field::new("when", Shape::Expression, "The case is taken if this comes out true.").required(),
        Field::new("do", STEPS, "What is run then.").required(),
    ],
);

/// Steps that repeat.
pub static FOREACH_STEP: Object = step(
    "foreach_step",
    "Runs its steps once for each item of a list; `steps.<id>.items` has one result an item, in order.",
    &[
        Field::new("items", Shape::Expression, "The list.").required(),
        Field::new("as", Shape::Pattern(Pattern::Id), "Name the steps see the item by.").default("\"item\""),
        Field::new("concurrency", Shape::Integer(1, 20), "Turns under way at one time.").default("1"),
        Field::new("do", SOME_STEPS, "What is run for each item; the result of its last step is the item's.").required(),
    ],
);

/// Steps that do several things at once.
pub static PARALLEL_STEP: Object = step(
    "parallel_step",
    "Runs several lists of steps side by side; `steps.<id>.<branch>` is the result of the branch's last step.",
    &[Field::new("branches", Shape::Map { of: &SOME_STEPS, keys: Pattern::Id, max: 20 }, "Name of a branch and its steps.").required()],
);

/// Steps that ask one provider after another.
pub static WATERFALL_STEP: Object = step(
    "waterfall_step",
    "Asks providers one after another until the result of one is accepted. A provider that fails is passed over.",
    &[
        Field::new("strategy", words(&["ordered", "cheapest"]), "Ask as they stand here, or the cheapest first.").default("\"ordered\""),
        Field::new("providers", Shape::List { of: &Shape::Object(&PROVIDER), min: 1, max: 20 }, "Who is asked.").required(),
        Field::new(
            "accept",
            Shape::Expression,
            "Looks at a provider's result under `item`; unless told, a result with any value in it is accepted.",
        ),
        Field::new("budget", Shape::Amount, "No provider is asked whose cost would bring the sum above this."),
    ],
);

/// A member of `providers`.
pub static PROVIDER: Object = object(
    "provider",
    "One provider of a waterfall.",
    &[
        Field::new("id", Shape::Pattern(Pattern::Id), "Name, unique in the waterfall.").required(),
        Field::new("cost", ANY_NUMBER, "What asking it costs, whatever it answers, in units of the definition.").default("0"),
        Field::new("steps", SOME_STEPS, "How it is asked; the result of the last step is its result.").required(),
    ],
);

/// Steps that let time pass.
pub static WAIT_STEP: Object = step(
    "wait_step",
    "Lets time pass; no worker is held meanwhile.",
    &[
        Field::new("for", WAIT, "So long, `P1D` at most."),
        Field::new("until", Shape::Expression, "Until this date or instant, RFC 3339; not at all when it is over."),
    ],
);

/// Steps that end the run.
pub static STOP_STEP: Object = step(
    "stop_step",
    "Ends the run as succeeded.",
    &[Field::new("result", Shape::Pattern(Pattern::Filled), "The run's result word.").required()],
);

/// `request` of an http step.
pub static REQUEST: Object = object(
    "request",
    "A call: either a whole `url`, or a `path` below `defaults.base_url`.",
    &[
        Field::new("method", METHOD, "Method.").default("\"GET\""),
        Field::new("url", Shape::Template, "Absolute address; expressions in it are encoded for their place."),
        Field::new("path", Shape::Template, "Below `defaults.base_url`."),
        Field::new(
            "query",
            Shape::Map { of: &Shape::Values, keys: Pattern::Filled, max: 100 },
            "Query name and value; a list repeats the name.",
        ),
        Field::new("headers", HEADERS, "Header name and value."),
        Field::new("body", Shape::Object(&BODY), "Body."),
        Field::new("omit_empty", Shape::Bool, "Leave out query values, headers and body members that came out null or empty.")
            .default("false"),
    ],
);

/// `body` of a request.
pub static BODY: Object = object(
    "body",
    "A body to send.",
    &[
        Field::new("kind", words(&["json", "form", "multipart", "text", "graphql"]), "How it is written.").default("\"json\""),
        Field::new(
            "value",
            Shape::Values,
            "JSON with expressions in it; for `form`, `multipart` and `graphql` an object, for `text` a text.",
        )
        .required(),
    ],
);

/// `response` of an http step.
pub static RESPONSE: Object = object(
    "response",
    "How an answer is read.",
    &[
        Field::new("decode", words(&["json", "jsonl", "csv", "text"]), "How the body is decoded.").default("\"json\""),
        Field::new("max_bytes", Shape::Integer(1, 64 * 1024 * 1024), "Bytes accepted; the server's limit unless told."),
        Field::new(
            "keep",
            Shape::List { of: &Shape::JsonPath, min: 0, max: 50 },
            "JSONPaths of what is kept under `body`; with any, `status` and `headers` are kept under the step's name as well.",
        )
        .default("[]"),
    ],
);

/// A member of `rules`.
pub static RULE: Object = object(
    "rule",
    "What answers of a kind mean.",
    &[
        Field::new("if", Shape::Object(&RULE_CONDITION), "Which answers.").required(),
        Field::new(
            "then",
            words(&["succeed", "empty", "ignore", "retry", "rate_limited", "refresh_auth", "conflict", "fail"]),
            "What they mean.",
        )
        .required(),
        Field::new("wait", Shape::Object(&RULE_WAIT), "Where the answer says how long to wait."),
        Field::new("class", CLASS, "The error's class, for `fail` and `retry`."),
        Field::new("message", Shape::Text(500), "The error's sentence."),
        Field::new(
            "take",
            Shape::Map { of: &Shape::Object(&CAPTURE), keys: Pattern::Member, max: 20 },
            "For `conflict`: name under `conflict` and what of the answer it is.",
        ),
        Field::new(
            "retry_as",
            Shape::Object(&FOLLOW_UP),
            "For `conflict`: the request made next; what it does not say is as in the step's own.",
        ),
    ],
);

/// A member of `take`.
pub static CAPTURE: Object = object(
    "capture",
    "A part of an answer, as text: of the `body` or of a `header`.",
    &[
        Field::new("body", Shape::JsonPath, "Where it is in the body."),
        Field::new("header", Shape::Pattern(Pattern::Header), "Header name."),
        Field::new("match", Shape::Text(500), "Regular expression; its first group, or all it fits, is taken."),
    ],
);

/// `retry_as` of a rule.
pub static FOLLOW_UP: Object = object(
    "follow_up",
    "A request made in place of one that met a conflict.",
    &[
        Field::new("method", METHOD, "Method."),
        Field::new("url", Shape::Template, "Absolute address."),
        Field::new("path", Shape::Template, "Below `defaults.base_url`."),
        Field::new("query", Shape::Map { of: &Shape::Values, keys: Pattern::Filled, max: 100 }, "Query name and value."),
        Field::new("headers", HEADERS, "Header name and value."),
        Field::new("body", Shape::Object(&BODY), "Body."),
    ],
);

/// `if` of a rule.
pub static RULE_CONDITION: Object = object(
    "rule_condition",
    "Which answers a rule is about; all members given must fit.",
    &[
        Field::new("status", STATUSES, "One of these statuses."),
        Field::new("header", Shape::Pattern(Pattern::Header), "A header of this name is present; with `match`, its value fits."),
        Field::new("body", Shape::Expression, "Expression over `response`; with `match`, its text fits, else it must come out true."),
        Field::new("match", Shape::Text(500), "Regular expression."),
    ],
);

/// `wait` of a rule.
pub static RULE_WAIT: Object = object(
    "rule_wait",
    "Where an answer says how long to wait.",
    &[
        Field::new("header", Shape::Pattern(Pattern::Header), "Header name."),
        Field::new("body", Shape::JsonPath, "JSONPath into the body."),
        Field::new("format", words(&["seconds_or_date", "seconds", "milliseconds", "epoch_seconds"]), "How the value is written.")
            .default("\"seconds_or_date\""),
        Field::new("max", WAIT, "A longer wait fails the step."),
    ],
);

/// A member of `extract`.
pub static EXTRACTION: Object = object(
    "extraction",
    "One value taken from an answer.",
    &[
        Field::new("path", Shape::JsonPath, "Where it is.").required(),
        Field::new("take", words(&["one", "first", "all"]), "Which of several matches.").default("\"first\""),
        Field::new("required", Shape::Bool, "The step fails when nothing is there.").default("false"),
        Field::new("default", Shape::Json, "Used when nothing is there."),
        Field::new("type", VALUE_TYPE, "The value is turned into this type, or the step fails."),
    ],
);

/// `retry` of a step and of `defaults`.
pub static RETRY: Object = object(
    "retry",
    "When and how often a step is tried again.",
    &[
        Field::new("attempts", Shape::Integer(1, 20), "Attempts in all; 1 means never again.").default("3"),
        Field::new("backoff", Shape::Object(&BACKOFF), "How long to wait between attempts."),
        Field::new("max_elapsed", WAIT, "No attempt begins later than this after the first, `P1D` at most."),
        Field::new("on", Shape::List { of: &CLASS, min: 1, max: 7 }, "Error classes worth another attempt.")
            .default("[\"transient\", \"rate_limited\"]"),
    ],
);

/// `backoff` of a retry.
pub static BACKOFF: Object = object(
    "backoff",
    "How long to wait between attempts.",
    &[
        Field::new("kind", words(&["constant", "exponential"]), "How waits grow.").default("\"exponential\""),
        Field::new("base", WAIT, "The first wait.").default("\"PT1S\""),
        Field::new("factor", Shape::Number(1.0, 10.0), "Each wait is this many times the one before.").default("2"),
        Field::new("max", WAIT, "No wait is longer.").default("\"PT60S\""),
        Field::new("jitter", Shape::Number(0.0, 1.0), "Random part of each wait.").default("0.2"),
    ],
);

/// `mapping`.
pub static MAPPING: Object = object(
    "mapping",
    "How results reach a contact.",
    &[
        Field::new("target", words(&["contact"]), "What is written to.").required(),
        Field::new(
            "match",
            Shape::List { of: &words(&["id", "key", "email", "phone"]), min: 1, max: 4 },
            "Contact fields by which the contact is found, in order of preference; `id` is the contact the run is for.",
        )
        .default("[\"id\"]"),
        Field::new("on_missing", words(&["create", "skip", "fail"]), "What happens when none is found.").default("\"skip\""),
        Field::new("fields", Shape::List { of: &Shape::Object(&FIELD_MAPPING), min: 0, max: 100 }, "Single fields.").required(),
    ],
);

/// A member of `fields` of the mapping.
pub static FIELD_MAPPING: Object = object(
    "field_mapping",
    "How one result reaches one contact field.",
    &[
        Field::new("to", Shape::Text(256), "Contact field, e.g. `email` or `attributes.city`.").required(),
        Field::new("from", Shape::Values, "Expression giving the value.").required(),
        Field::new("policy", words(&["fill_if_empty", "overwrite", "if_newer", "if_more_confident", "append", "never"]), "When to write.")
            .default("\"fill_if_empty\""),
        Field::new("confidence", Shape::Share, "How sure the value is, 0 to 1."),
        Field::new("ttl", KEEP, "After this time the value counts as stale."),
    ],
);

/// `retain`.
pub static RETAIN: Object = object(
    "retain",
    "How long payloads of runs are kept.",
    &[Field::new("success", KEEP, "Of runs that succeeded."), Field::new("failure", KEEP, "Of the others.")],
);

/// A member of `tests`.
pub static TEST: Object = object(
    "test",
    "A recorded run: inputs, the calls it makes, and what must come of it.",
    &[
        Field::new("name", Shape::Label(200), "Name to show.").required(),
        Field::new("inputs", Shape::JsonObject, "What the run is given.").default("{}"),
        Field::new("config", Shape::JsonObject, "Values of `config`.").default("{}"),
        Field::new("contact", Shape::JsonObject, "The contact the run is for, by field name."),
        Field::new(
            "exchanges",
            Shape::List { of: &Shape::Object(&EXCHANGE), min: 0, max: 100 },
            "Calls expected, in order, with their answers.",
        ),
        Field::new("expect", Shape::Object(&EXPECTATION), "What must come of it.").required(),
    ],
);

/// A member of `exchanges` of a test.
pub static EXCHANGE: Object = object(
    "exchange",
    "One recorded call.",
    &[
        Field::new("request", Shape::Object(&RECORDED_REQUEST), "What is sent; only members given are compared.").required(),
        Field::new("response", Shape::Object(&RECORDED_RESPONSE), "What is answered.").required(),
    ],
);

/// `request` of a recorded call.
pub static RECORDED_REQUEST: Object = object(
    "recorded_request",
    "What a recorded call looks like.",
    &[
        Field::new("method", METHOD, "Method.").required(),
        Field::new("url", Shape::Text(4096), "Absolute address with its query, credentials left out.").required(),
        Field::new("body", Shape::Json, "Body, if it is to be compared."),
    ],
);

/// `response` of a recorded call.
pub static RECORDED_RESPONSE: Object = object(
    "recorded_response",
    "A recorded answer.",
    &[
        Field::new("status", STATUS, "Status.").required(),
        Field::new("headers", Shape::Map { of: &Shape::Text(4096), keys: Pattern::Header, max: 100 }, "Header lines."),
        Field::new("body", Shape::Json, "Body: JSON, or a text sent as it is."),
    ],
);

/// `expect` of a test.
pub static EXPECTATION: Object = object(
    "expectation",
    "What must come of a recorded run; members left out are not compared.",
    &[
        Field::new("status", words(&["succeeded", "failed"]), "Final status.").default("\"succeeded\""),
        Field::new("result", Shape::Text(256), "Result word."),
        Field::new("outputs", Shape::JsonObject, "Outputs; only members given are compared."),
        Field::new("contact", Shape::JsonObject, "Contact fields after the run; only those given are compared."),
        Field::new("error", Shape::Text(64), "Code of the error."),
    ],
);
