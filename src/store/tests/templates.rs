//! The catalogue: what everyone sees, and what SaaS admins do.

use super::*;
use crate::domain::id::{TemplateId, TemplateVersionId};
use crate::domain::page::PageRequest;
use crate::domain::template::{Template, TemplateStatus, TemplateVersion, TemplateVersionStatus};
use crate::store::{Error, TemplateFilter, TemplateOrder, TemplateRef};

fn template(slug: &str) -> Template {
    Template {
        id: TemplateId::fresh(&SystemClock),
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        summary: format!("Does {slug}"),
        description: None,
        setup_guide: Some("# First".to_owned()),
        icon: None,
        category: Some("crm".to_owned()),
        tags: vec!["data".to_owned()],
        official: true,
        featured: false,
        status: TemplateStatus::Unpublished,
        latest_version_id: None,
        install_count: 0,
        revision: 1,
        created_at: now(),
        updated_at: now(),
    }
}

fn version(template_id: TemplateId, number: &str) -> TemplateVersion {
    TemplateVersion {
        id: TemplateVersionId::fresh(&SystemClock),
        template_id,
        version: number.parse().unwrap(),
        status: TemplateVersionStatus::Draft,
        definition: json!({"credentials": {"main": {"hosts": ["api.x.example"]}}}),
        hash: "sha256:0".to_owned(),
        changelog: None,
        breaking: false,
        created_at: now(),
        published_at: None,
    }
}

/// Adds a template with published versions of these numbers.
pub(super) async fn publish(bench: &Bench, slug: &str, numbers: &[&str]) -> Template {
    let template = template(slug);
    let tx = bench.begin(&bench.admin()).await;
    tx.insert_template(&template).await.unwrap();
    for number in numbers {
        let version = version(template.id, number);
        tx.insert_template_version(&version).await.unwrap();
        tx.publish_template_version(version.id, now()).await.unwrap();
    }
    tx.commit().await.unwrap();
    template
}

#[tokio::test]
async fn only_what_is_published_shows() {
    let bench = bench().await;
    let hidden = publish(&bench, "hidden", &[]).await;
    let shown = publish(&bench, "shown", &["1.0.0"]).await;
    let draft = version(shown.id, "2.0.0");
    let admin = bench.begin(&bench.admin()).await;
    admin.insert_template_version(&draft).await.unwrap();
    admin.commit().await.unwrap();
    let (ann, admin) = (bench.read(&user("ann")).await, bench.read(&bench.admin()).await);
    let slugs = |page: crate::domain::page::Page<Template>| page.items.into_iter().map(|(_, t)| t.slug).collect::<Vec<_>>();
    let (any, all) = (TemplateFilter::default(), PageRequest::first(10));
    assert_eq!(slugs(ann.list_templates(&any, TemplateOrder::Name, &all).await.unwrap()), ["shown"]);
    assert_eq!(slugs(admin.list_templates(&any, TemplateOrder::Name, &all).await.unwrap()), ["hidden", "shown"]);
    assert!(ann.find_template(&TemplateRef::Id(hidden.id)).await.unwrap().is_none());
    assert!(admin.find_template(&TemplateRef::Slug("hidden".to_owned())).await.unwrap().is_some());
    assert!(ann.find_template_version(draft.id).await.unwrap().is_none());
    assert!(ann.find_template_version_numbered(shown.id, Some(&draft.version)).await.unwrap().is_none());
    assert!(admin.find_template_version(draft.id).await.unwrap().is_some());
    assert_eq!(ann.list_template_versions(shown.id, &all).await.unwrap().items.len(), 1);
    assert_eq!(admin.list_template_versions(shown.id, &all).await.unwrap().items.len(), 2);
}

#[tokio::test]
async fn the_latest_version_is_the_highest_not_the_last() {
    let bench = bench().await;
    let template = publish(&bench, "t", &["1.10.0", "1.9.0", "1.10.0-beta.1"]).await;
    let ann = bench.read(&user("ann")).await;
    let latest = ann.find_template_version_numbered(template.id, None).await.unwrap().unwrap();
    assert_eq!(latest.version.to_string(), "1.10.0");
    assert!(latest.published_at.is_some());
    let exact = ann.find_template_version_numbered(template.id, Some(&"1.9.0".parse().unwrap())).await.unwrap().unwrap();
    assert_eq!(exact.version.to_string(), "1.9.0");
    let found = ann.find_template(&TemplateRef::Slug("t".to_owned())).await.unwrap().unwrap();
    assert_eq!((found.status, found.latest_version_id), (TemplateStatus::Published, Some(latest.id)));
}

#[tokio::test]
async fn slugs_and_numbers_are_taken_once_and_changes_go_by_revision() {
    let bench = bench().await;
    let mut one = publish(&bench, "one", &["1.0.0"]).await;
    let tx = bench.begin(&bench.admin()).await;
    assert!(matches!(tx.insert_template(&template("one")).await, Err(Error::Conflict { what: "slug" })));
    assert!(matches!(tx.insert_template_version(&version(one.id, "1.0.0")).await, Err(Error::Conflict { what: "version" })));
    assert!(matches!(tx.insert_template_version(&version(TemplateId::fresh(&SystemClock), "1.0.0")).await, Err(Error::NotFound)));
    let none = TemplateVersionId::fresh(&SystemClock);
    assert!(matches!(tx.publish_template_version(none, now()).await, Err(Error::NotFound)));
    one = tx.find_template(&TemplateRef::Id(one.id)).await.unwrap().unwrap();
    one.featured = true;
    let changed = tx.update_template(&one, Some(one.revision)).await.unwrap();
    assert!(changed.featured && changed.revision == one.revision + 1);
    assert!(matches!(tx.update_template(&one, Some(one.revision)).await, Err(Error::Conflict { what: "revision" })));
}

#[tokio::test]
async fn orders_and_filters_of_the_catalogue() {
    let bench = bench().await;
    for slug in ["b", "a", "c"] {
        publish(&bench, slug, &["1.0.0"]).await;
    }
    let scope = bench.workspace("w").await;
    let admin = bench.begin(&bench.admin()).await;
    let mut featured = admin.find_template(&TemplateRef::Slug("c".to_owned())).await.unwrap().unwrap();
    featured.featured = true;
    admin.update_template(&featured, None).await.unwrap();
    let popular = admin.find_template(&TemplateRef::Slug("a".to_owned())).await.unwrap().unwrap();
    admin.commit().await.unwrap();
    let tx = bench.begin(&scope).await;
    let mut made = connector_value(scope.workspace_id(), "made");
    made.template_id = Some(popular.id);
    tx.insert_connector(&made).await.unwrap();
    tx.commit().await.unwrap();
    let ann = bench.read(&user("ann")).await;
    let by = TemplateFilter::default;
    for (filter, order, expected) in [
        (by(), TemplateOrder::Relevance, "c a b"),
        (by(), TemplateOrder::Popular, "a c b"),
        (by(), TemplateOrder::Newest, "c a b"),
        (by(), TemplateOrder::Name, "a b c"),
        (TemplateFilter { search: Some("DOES b".to_owned()), ..by() }, TemplateOrder::Name, "b"),
        (TemplateFilter { featured: Some(true), ..by() }, TemplateOrder::Name, "c"),
        (TemplateFilter { official: Some(false), ..by() }, TemplateOrder::Name, ""),
        (TemplateFilter { statuses: Some(vec![TemplateStatus::Published]), ..by() }, TemplateOrder::Name, "a b c"),
        (TemplateFilter { statuses: Some(vec![TemplateStatus::Deprecated]), ..by() }, TemplateOrder::Name, ""),
        (TemplateFilter { category: Some("mail".to_owned()), ..by() }, TemplateOrder::Name, ""),
        (TemplateFilter { tags: Some(vec!["data".to_owned()]), ..by() }, TemplateOrder::Name, "a b c"),
        (TemplateFilter { host: Some("api.x.example".to_owned()), ..by() }, TemplateOrder::Name, "a b c"),
        (TemplateFilter { host: Some("api.z.example".to_owned()), ..by() }, TemplateOrder::Name, ""),
    ] {
        let mut slugs = Vec::new();
        let mut request = PageRequest { count: true, ..PageRequest::first(2) };
        loop {
            let page = ann.list_templates(&filter, order, &request).await.unwrap();
            assert_eq!(page.total, Some(expected.split_whitespace().count() as u64));
            slugs.extend(page.items.iter().map(|(_, template)| template.slug.clone()));
            if !page.has_next {
                break;
            }
            request.cursor = page.items.last().map(|(cursor, _)| cursor.clone());
        }
        assert_eq!(slugs.join(" "), expected, "{filter:?} {order:?}");
    }
}
