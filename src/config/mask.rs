/// A database's address without what opens it: passwords stand before the host or among the options.
pub fn mask(url: &str) -> String {
    let (place, options) = url.split_once('?').map_or((url, None), |(place, options)| (place, Some(options)));
    let place = match (place.split_once("://"), place.rsplit_once('@')) {
        (Some((scheme, _)), Some((login, rest))) => {
            let user = login.trim_start_matches(scheme).trim_start_matches("://").split(':').next().unwrap_or_default();
            format!("{scheme}://{user}:***@{rest}")
        }
        _ => place.to_owned(),
    };
    let option = |option: &str| match option.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("pass") => format!("{name}=***"),
        _ => option.to_owned(),
    };
    match options {
        Some(options) => format!("{place}?{}", options.split('&').map(option).collect::<Vec<_>>().join("&")),
        None => place,
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    #[test]
    fn a_password_in_a_url_is_never_printed() {
        assert_eq!(mask("postgres://ann:s3cret@db:5432/x"), "postgres://ann:***@db:5432/x");
        assert_eq!(mask("sqlite://a/b.db"), "sqlite://a/b.db");
        let options = "postgres://db/x?user=ann&password=s3cret&sslPassword=s3cret&sslmode=require";
        assert_eq!(mask(options), "postgres://db/x?user=ann&password=***&sslPassword=***&sslmode=require");
    }
}
