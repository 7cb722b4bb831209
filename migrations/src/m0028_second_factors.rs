//! A second factor of a person: what an authenticator shares with the service, sealed, and codes for when it is lost. And
//! the code with which the first account is made.

use crate::{
    capture::{Captured, capture},
    table::{drop_all, index, references},
};
use sea_orm_migration::{prelude::*, schema::*};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    /// SQLite would otherwise run without a transaction and could stop half-way.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }

    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let factors = Table::create()
            .table("second_factor")
            .col(pk_uuid("account_id"))
            .col(string_null("sealed"))
            .col(timestamp_with_time_zone("begun_at"))
            .col(timestamp_with_time_zone_null("confirmed_at"))
            .col(big_integer_null("last_step"))
            .col(timestamp_with_time_zone_null("taken_at"))
            .foreign_key(&mut references("account_id", "account"))
            .to_owned();
        manager.create_table(factors).await?;
        capture(manager, &Captured::new("second_factor").key(&["account_id"])).await?;
        let codes = Table::create()
            .table("recovery_code")
            .col(pk_uuid("id"))
            .col(uuid("account_id"))
            .col(string("secret_hash"))
            .col(timestamp_with_time_zone("made_at"))
            .col(timestamp_with_time_zone_null("ended_at"))
            .foreign_key(&mut references("account_id", "account"))
            .to_owned();
        manager.create_table(codes).await?;
        index(manager, "recovery_code", &["account_id"]).await?;
        capture(manager, &Captured::new("recovery_code")).await?;
        let founding = Table::create()
            .table("founding_code")
            .col(integer("id").primary_key())
            .col(string("secret_hash"))
            .col(timestamp_with_time_zone("issued_at"))
            .col(timestamp_with_time_zone("expires_at"))
            .col(timestamp_with_time_zone_null("used_at"))
            .to_owned();
        manager.create_table(founding).await?;
        capture(manager, &Captured::new("founding_code")).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_all(manager, &["founding_code", "recovery_code", "second_factor"]).await
    }
}
