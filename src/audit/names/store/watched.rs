//! Names of what people watch over and answer for: what it is, and what it bears on.

use super::{Names, plain, versions, workspace_of};
use crate::{
    db::{
        Reader,
        entity::{accountability_record, delegation, finding, waiver},
    },
    error::Error,
};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect};
use uuid::Uuid;

/// What a thing is called, and what it bears on: model, version, environment.
struct Row {
    id: Uuid,
    word: String,
    model: Option<Uuid>,
    version: Option<Uuid>,
    place: Option<Uuid>,
}

/// `leak: scorer@3 in production`, and so on; without a colon where it bears on nothing.
pub(super) async fn names(reader: &Reader<'_>, kind: &str, ids: &[Uuid]) -> Result<Names, Error> {
    let rows = match kind {
        "finding" => findings(reader, ids).await?,
        "waiver" => waivers(reader, ids).await?,
        _ => records(reader, ids).await?,
    };
    let some = |pick: fn(&Row) -> Option<Uuid>| rows.iter().filter_map(pick).collect::<Vec<_>>();
    let models = plain(reader, "model", &some(|row| row.model)).await?;
    let numbered = versions(reader, &some(|row| row.version)).await?;
    let places = plain(reader, "environment", &some(|row| row.place)).await?;
    let named = rows.into_iter().map(|row| {
        let version = row.version.and_then(|id| numbered.get(&id));
        let what = version.or_else(|| models.get(&row.model?));
        let about = match (what, row.place.and_then(|id| places.get(&id))) {
            (Some(what), Some(place)) => format!(": {what} in {place}"),
            (Some(one), None) | (None, Some(one)) => format!(": {one}"),
            (None, None) => String::new(),
        };
        (row.id, row.word + &about)
    });
    Ok(named.collect())
}

async fn findings(reader: &Reader<'_>, ids: &[Uuid]) -> Result<Vec<Row>, Error> {
    let rows = finding::Entity::find()
        .filter(finding::Column::Id.is_in(ids.to_vec()))
        .filter(finding::COLUMN.workspace_id.eq(workspace_of(reader)?))
        .all(reader.conn())
        .await?;
    let row = |row: finding::Model| Row {
        id: row.id.0,
        word: row.code,
        model: row.model_id.map(|id| id.0),
        version: row.version_id.map(|id| id.0),
        place: row.environment_id.map(|id| id.0),
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn waivers(reader: &Reader<'_>, ids: &[Uuid]) -> Result<Vec<Row>, Error> {
    let rows = waiver::Entity::find()
        .filter(waiver::Column::Id.is_in(ids.to_vec()))
        .filter(waiver::COLUMN.workspace_id.eq(workspace_of(reader)?))
        .all(reader.conn())
        .await?;
    let row = |row: waiver::Model| Row {
        id: row.id.0,
        word: row.constraint_name,
        model: Some(row.model_id.0),
        version: row.version_id.map(|id| id.0),
        place: Some(row.environment_id.0),
    };
    Ok(rows.into_iter().map(row).collect())
}

async fn records(reader: &Reader<'_>, ids: &[Uuid]) -> Result<Vec<Row>, Error> {
    let rows = accountability_record::Entity::find()
        .filter(accountability_record::Column::Id.is_in(ids.to_vec()))
        .filter(accountability_record::COLUMN.workspace_id.eq(workspace_of(reader)?))
        .all(reader.conn())
        .await?;
    let row = |row: accountability_record::Model| Row {
        id: row.id.0,
        word: format!("{} {}", row.kind.replace('_', " "), row.name),
        model: row.model_id.map(|id| id.0),
        version: None,
        place: row.environment_id.map(|id| id.0),
    };
    Ok(rows.into_iter().map(row).collect())
}

/// `mara to rui`.
pub(super) async fn delegations(reader: &Reader<'_>, ids: &[Uuid]) -> Result<Names, Error> {
    let rows: Vec<(Uuid, Uuid, Uuid)> = delegation::Entity::find()
        .select_only()
        .column(delegation::Column::Id)
        .column(delegation::Column::FromAccount)
        .column(delegation::Column::ToAccount)
        .filter(delegation::Column::Id.is_in(ids.to_vec()))
        .filter(delegation::COLUMN.workspace_id.eq(workspace_of(reader)?))
        .into_tuple()
        .all(reader.conn())
        .await?;
    let people: Vec<Uuid> = rows.iter().flat_map(|(_, from, to)| [*from, *to]).collect();
    let people = plain(reader, "account", &people).await?;
    let named = rows
        .into_iter()
        .filter_map(|(id, from, to)| Some((id, format!("{} to {}", people.get(&from)?, people.get(&to)?))));
    Ok(named.collect())
}
