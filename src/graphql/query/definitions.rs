//! The definition language: its schema, its steps, and trying things without running them.

#![expect(clippy::unused_async, reason = "the library wants every resolver to be async")]

use async_graphql::{Context, InputObject, Object};

use crate::app::definitions;
use crate::domain::definition::{MAX_BYTES, SPEC, fields};
use crate::graphql::context::ContextExt as _;
use crate::graphql::error::{Error, Result, seen};
use crate::graphql::scalar::{ConnectorDefinition, Json};
use crate::graphql::types::{DefinitionValidation, ExpressionInput, ExpressionPreview, StepKind, WorkspaceLookup};

#[derive(Default)]
pub(crate) struct Definitions;

/// A definition to be looked at.
#[derive(InputObject, Debug)]
pub(crate) struct DefinitionValidationInput {
    /// The workspace whose credentials, hosts and contact fields apply.
    workspace: WorkspaceLookup,
    /// The definition in question.
    definition: ConnectorDefinition,
}

/// A template or path to be tried.
#[derive(InputObject, Debug)]
pub(crate) struct ExpressionPreviewInput {
    /// The template or path.
    expression: ExpressionInput,
    /// What to try it on, by name: `inputs`, `config`, `contact`, `steps` and so on, as a step would see it.
    context: Json,
}

#[Object]
impl Definitions {
    /// The JSON Schema of the format definitions are written in.
    async fn definition_schema(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The format's version, e.g. `connectors/v1`; the current one unless told.")] spec: Option<String>,
    ) -> Result<Option<Json>> {
        ctx.principal()?;
        Ok(spec.is_none_or(|asked| asked == SPEC).then(|| Json(fields::definition_schema())))
    }

    /// The kinds of steps that this server runs. At most 100.
    async fn step_kinds(&self, ctx: &Context<'_>) -> Result<Option<Vec<StepKind>>> {
        ctx.principal()?;
        Ok(Some(fields::step_kinds().into_iter().map(Into::into).collect()))
    }

    /// What is wrong with a definition, without saving or running it. Requires EDITOR.
    async fn definition_validation(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The definition, and where it is to run.")] input: DefinitionValidationInput,
    ) -> Result<Option<DefinitionValidation>> {
        let workspace = input.workspace.into_reference()?;
        if seen(ctx.app()?.enter_to_edit(ctx.principal()?, &workspace).await)?.is_none() {
            return Ok(None);
        }
        bounded(&input.definition.0)?;
        Ok(Some(DefinitionValidation::new(input.definition.0)))
    }

    /// What a template or a path gives for sample data, as a step would find it. No service is called.
    async fn expression_preview(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What to try, and on what.")] input: ExpressionPreviewInput,
    ) -> Result<Option<ExpressionPreview>> {
        ctx.principal()?;
        bounded(&input.context.0)?;
        let preview = match &input.expression {
            ExpressionInput::Template(text) => definitions::preview_template(&text.0, &input.context.0),
            ExpressionInput::Path(path) => definitions::preview_path(&path.0, &input.context.0),
        };
        Ok(Some(preview.into()))
    }
}

/// Refuses documents larger than a definition may be.
fn bounded(value: &serde_json::Value) -> Result<()> {
    if value.to_string().len() <= MAX_BYTES {
        return Ok(());
    }
    Err(Error::BadUserInput(format!("At most {MAX_BYTES} bytes of JSON can be given.")))
}
