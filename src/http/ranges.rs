//! Which part of a thing somebody asks for, and whether they have it already (RFC 9110, sections 13 and 14).

use crate::{blobs::Part, http::problem::Problem};
use actix_web::{
    HttpMessage, HttpRequest,
    http::{
        StatusCode,
        header::{self, EntityTag, Header, IfMatch, IfNoneMatch, IfRange, Range},
    },
};

/// What is to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    Whole,
    Part(Part),
    /// They have it.
    Unchanged,
    /// They want another thing than it is.
    Another,
    /// It has no such part.
    Nothing,
}

/// Whether anything but the whole may be wanted.
pub fn is_conditional(request: &HttpRequest) -> bool {
    [header::RANGE, header::IF_NONE_MATCH, header::IF_MATCH].iter().any(|name| request.headers().contains_key(name))
}

/// `tag` is the ETag without its quotes. Several ranges in one request are answered by the whole, which is allowed.
pub fn wanted(request: &impl HttpMessage, tag: &str, size_bytes: u64) -> Wanted {
    let Ok(tag) = format!("\"{tag}\"").parse::<EntityTag>() else { return Wanted::Whole };
    if request.headers().contains_key(header::IF_MATCH) {
        match IfMatch::parse(request) {
            Ok(IfMatch::Any) => {}
            Ok(IfMatch::Items(all)) if all.iter().any(|one| one.strong_eq(&tag)) => {}
            _ => return Wanted::Another,
        }
    }
    if request.headers().contains_key(header::IF_NONE_MATCH) {
        match IfNoneMatch::parse(request) {
            Ok(IfNoneMatch::Any) => return Wanted::Unchanged,
            Ok(IfNoneMatch::Items(all)) if all.iter().any(|one| one.weak_eq(&tag)) => return Wanted::Unchanged,
            _ => {}
        }
    }
    // A thing has no date here, so only the tag can say that it is the same.
    let is_same = !request.headers().contains_key(header::IF_RANGE)
        || matches!(IfRange::parse(request), Ok(IfRange::EntityTag(had)) if had.strong_eq(&tag));
    if !is_same || !request.headers().contains_key(header::RANGE) {
        return Wanted::Whole;
    }
    match Range::parse(request) {
        Ok(Range::Bytes(ranges)) => match ranges.as_slice() {
            [one] => match one.to_satisfiable_range(size_bytes) {
                Some((first, last)) => Wanted::Part(Part { first, last }),
                None => Wanted::Nothing,
            },
            several if several.iter().all(|one| one.to_satisfiable_range(size_bytes).is_none()) => Wanted::Nothing,
            _ => Wanted::Whole,
        },
        _ => Wanted::Whole,
    }
}

/// For somebody who asks for a part that is not there.
pub fn not_there(size_bytes: u64) -> Problem {
    let detail =
        format!("it has {size_bytes} bytes, and the range begins behind them or is empty; ask for a range within");
    Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range_not_satisfiable", detail)
        .with_content_range(format!("bytes */{size_bytes}"))
}

/// For somebody who asks for another thing than it is.
pub fn not_that() -> Problem {
    let detail = "it is not what If-Match names; ask without that header for what is there";
    Problem::new(StatusCode::PRECONDITION_FAILED, "precondition_failed", detail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use actix_web::test::TestRequest;

    fn asked(headers: &[(&str, &str)]) -> Wanted {
        let mut request = TestRequest::get();
        for header in headers {
            request = request.append_header(*header);
        }
        wanted(&request.to_http_request(), "sha256:ab", 100)
    }

    fn part(first: u64, last: u64) -> Wanted {
        Wanted::Part(Part { first, last })
    }

    #[test]
    fn a_range_is_what_the_rfc_says() {
        for (range, right) in [
            ("bytes=0-9", part(0, 9)),
            ("bytes=90-", part(90, 99)),
            ("bytes=-10", part(90, 99)),
            ("bytes=-1000", part(0, 99)),
            ("bytes=99-500", part(99, 99)),
            ("bytes=100-", Wanted::Nothing),
            ("bytes=-0", Wanted::Nothing),
            ("bytes=200-300,400-500", Wanted::Nothing),
            ("bytes=0-1,5-6", Wanted::Whole),
            ("bytes=9-1", Wanted::Whole),
            ("bytes=x-y", Wanted::Whole),
            ("lines=0-1", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("bytes=99999999999999999999999999-", Wanted::Whole),
        ] {
            let found = asked(&[("range", range)]);
            assert!(found == right || (right == Wanted::Whole && found == Wanted::Nothing), "{range}: {found:?}");
        }
        assert_eq!(asked(&[]), Wanted::Whole);
    }

    #[test]
    fn whoever_has_it_gets_nothing_and_whoever_has_another_gets_all() {
        assert_eq!(asked(&[("if-none-match", "\"sha256:ab\"")]), Wanted::Unchanged);
        assert_eq!(asked(&[("if-none-match", "W/\"sha256:ab\", \"x\"")]), Wanted::Unchanged);
        assert_eq!(asked(&[("if-none-match", "*")]), Wanted::Unchanged);
        assert_eq!(asked(&[("if-none-match", "\"sha256:cd\"")]), Wanted::Whole);
        assert_eq!(asked(&[("if-none-match", "\"sha256:cd\""), ("range", "bytes=0-0")]), part(0, 0));
        assert_eq!(asked(&[("if-match", "\"x\", \"sha256:ab\"")]), Wanted::Whole);
        assert_eq!(asked(&[("if-match", "*"), ("range", "bytes=0-0")]), part(0, 0));
        for other in ["\"sha256:cd\"", "W/\"sha256:ab\"", "sha256:ab"] {
            assert_eq!(asked(&[("if-match", other), ("if-none-match", "*")]), Wanted::Another, "{other}");
        }
        assert_eq!(asked(&[("if-range", "\"sha256:ab\""), ("range", "bytes=1-2")]), part(1, 2));
        assert_eq!(asked(&[("if-range", "\"sha256:cd\""), ("range", "bytes=1-2")]), Wanted::Whole);
        assert_eq!(asked(&[("if-range", "W/\"sha256:ab\""), ("range", "bytes=1-2")]), Wanted::Whole);
        let date = ("if-range", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked(&[date, ("range", "bytes=1-2")]), Wanted::Whole);
    }
}
