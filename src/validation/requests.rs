//! Which tables of groups a run makes: those that the spec asks for, and those that a reviewer
//! looks at whether or not somebody set a limit.

use crate::constraints::{BiasRequest, ConstraintSpec};

/// `classes` are those of a model without a favourable label.
pub fn of(sensitive: &[String], classes: &[String], spec: &ConstraintSpec) -> Vec<BiasRequest> {
    let mut requests = spec.bias_requests();
    let mut add = |request: BiasRequest| {
        if !requests.contains(&request) {
            requests.push(request);
        }
    };
    for attribute in BiasRequest::intersections(sensitive) {
        add(BiasRequest::of(attribute));
    }
    if classes.len() <= BiasRequest::MAXIMUM_CLASSES {
        for attribute in sensitive {
            for class in classes {
                add(BiasRequest { class: Some(class.clone()), ..BiasRequest::of(attribute.clone()) });
            }
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn spec() -> ConstraintSpec {
        let written = json!({"constraints": [{
            "name": "parity", "dimension": "bias", "metric": "demographic_parity_ratio", "attribute": "b",
            "operator": ">=", "limit": 0.8, "unit": "1", "against": "overall", "owner": "mara"
        }]});
        ConstraintSpec::parse(&written).expect("a legal spec")
    }

    fn names(count: usize) -> Vec<String> {
        ["a", "b", "c", "d", "e", "f", "g"].iter().take(count).map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn what_the_spec_asks_for_comes_first_and_nothing_comes_twice() {
        let got = of(&names(2), &[], &spec());
        let attributes: Vec<&str> = got.iter().map(|r| r.attribute.as_str()).collect();
        // b against all rows, as the spec asks, and b between its groups.
        assert_eq!(attributes, ["b", "a", "b", "a*b"]);
        assert_ne!(got[0].against, got[2].against);
    }

    #[test]
    fn few_attributes_are_crossed_and_many_are_not() {
        let count = |n: usize| BiasRequest::intersections(&names(n)).len();
        assert_eq!([1, 2, 3, 4, 6, 7].map(count), [1, 3, 7, 10, 21, 7]);
    }

    #[test]
    fn each_class_has_a_table_where_none_is_favourable() {
        let classes = names(3);
        let got = of(&names(1), &classes, &spec());
        assert_eq!(got.iter().filter(|r| r.class.is_some()).count(), 3);
        let many: Vec<String> = (0..51).map(|i| i.to_string()).collect();
        assert!(of(&names(1), &many, &spec()).iter().all(|r| r.class.is_none()));
    }
}
