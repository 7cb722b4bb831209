//! Where a version comes from and what became of it, drawn as a graph from left to right.

use crate::web::subgroups::cut_to;

const GAP: f64 = 34.0;
const TOP: f64 = 30.0;
const BOX_HEIGHT: f64 = 44.0;
const ROW: f64 = 56.0;
const WIDTH: f64 = 860.0;
/// Letters of usual width that fit into a box, for each pixel of it.
const LETTERS_PER_PIXEL: f64 = 0.125;
/// More things of one kind than this are in the table alone.
const MOST_DRAWN: usize = 8;

pub const COLUMNS: [&str; 5] = ["Made from", "This version", "Measured", "Asked for", "Released"];

/// A thing of the lineage.
pub struct Node {
    /// Which of [`COLUMNS`].
    pub column: usize,
    /// What it is, such as "dataset".
    pub kind: &'static str,
    pub name: String,
    pub detail: String,
    /// Where its own page is; empty if it has none.
    pub address: String,
    /// `good`, `bad`, `mind` or `quiet`.
    pub tone: &'static str,
    /// Places of the nodes that it comes from.
    pub from: Vec<usize>,
}

pub struct Lineage {
    pub height: String,
    /// Place and words.
    pub headings: Vec<(String, &'static str)>,
    pub boxes: Vec<Drawn>,
    /// Each a path from right edge to left edge.
    pub lines: Vec<String>,
    pub nodes: Vec<Node>,
    /// Things that are in the table alone.
    pub left_out: usize,
}

pub struct Drawn {
    pub x: String,
    pub y: String,
    pub width: String,
    pub text_x: String,
    pub name_y: String,
    pub detail_y: String,
    pub name: String,
    pub detail: String,
    pub tone: &'static str,
}

impl Lineage {
    /// What a thing comes from, in words.
    pub fn rests_on(&self, node: &Node) -> String {
        let named = |place: &usize| self.nodes.get(*place).map(|from| format!("{} {}", from.kind, from.name));
        node.from.iter().filter_map(named).collect::<Vec<_>>().join(", ")
    }
}

/// `None` where nothing is known but the version itself.
pub fn draw(nodes: Vec<Node>) -> Option<Lineage> {
    if nodes.len() < 2 {
        return None;
    }
    let count = |column: usize| nodes.iter().filter(|node| node.column == column).count().min(MOST_DRAWN);
    let used: Vec<usize> = (0..COLUMNS.len()).filter(|column| count(*column) != 0).collect();
    let tallest = used.iter().map(|column| count(*column)).max().unwrap_or(1);
    let width = (WIDTH - GAP * (used.len() - 1) as f64) / used.len() as f64;
    let x = |column: usize| {
        let place = used.iter().position(|used| *used == column).unwrap_or_default();
        (width + GAP) * place as f64
    };
    // Each column stands in the middle of the height.
    let y = |column: usize, row: usize| TOP + ROW * (row as f64 + (tallest - count(column)) as f64 / 2.0);
    let mut rows = [0; COLUMNS.len()];
    let mut places: Vec<Option<(f64, f64)>> = Vec::new();
    for node in &nodes {
        let row = rows.get_mut(node.column)?;
        places.push((*row < MOST_DRAWN).then(|| (x(node.column), y(node.column, *row))));
        *row += 1;
    }
    let letters = (width * LETTERS_PER_PIXEL) as usize;
    let (mut boxes, mut lines) = (Vec::new(), Vec::new());
    for (node, place) in nodes.iter().zip(&places) {
        let Some((x, y)) = *place else { continue };
        boxes.push(Drawn {
            x: px(x),
            y: px(y),
            width: px(width),
            text_x: px(x + 9.0),
            name_y: px(y + 18.0),
            detail_y: px(y + 35.0),
            name: cut_to(&node.name, letters),
            detail: cut_to(&node.detail, letters + 2),
            tone: node.tone,
        });
        for (from_x, from_y) in node.from.iter().filter_map(|from| *places.get(*from)?) {
            let (start, end, middle) = (from_x + width, x, BOX_HEIGHT / 2.0);
            let bend = (end - start) / 2.0;
            let (from_y, y) = (from_y + middle, y + middle);
            lines.push(format!(
                "M{},{}C{},{} {},{} {},{}",
                px(start),
                px(from_y),
                px(start + bend),
                px(from_y),
                px(end - bend),
                px(y),
                px(end),
                px(y)
            ));
        }
    }
    Some(Lineage {
        height: px(TOP + ROW * tallest as f64),
        headings: used.iter().filter_map(|column| Some((px(x(*column)), *COLUMNS.get(*column)?))).collect(),
        left_out: places.iter().filter(|place| place.is_none()).count(),
        boxes,
        lines,
        nodes,
    })
}

fn px(value: f64) -> String {
    format!("{value:.1}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(column: usize, from: &[usize]) -> Node {
        let (name, detail, address) =
            ("a name that is longer than any box here is wide".to_owned(), String::new(), String::new());
        Node { column, kind: "thing", name, detail, address, tone: "quiet", from: from.to_vec() }
    }

    #[test]
    fn things_stand_in_columns_and_lines_lead_to_the_right() {
        let drawn = draw(vec![node(1, &[]), node(2, &[0]), node(2, &[0]), node(4, &[1, 2])]).expect("a drawing");
        let headings: Vec<_> = drawn.headings.iter().map(|(_, words)| *words).collect();
        assert_eq!(headings, ["This version", "Measured", "Released"]);
        assert_eq!((drawn.boxes.len(), drawn.lines.len(), drawn.left_out), (4, 4, 0));
        let x = |text: &str| text.parse::<f64>().expect("a number");
        assert!(drawn.boxes.windows(2).all(|pair| x(&pair[0].x) <= x(&pair[1].x)));
        assert!(drawn.boxes.iter().all(|drawn| drawn.name.ends_with('…')));
        assert!(x(&drawn.boxes[3].x) + x(&drawn.boxes[3].width) <= WIDTH + 0.1);
    }

    #[test]
    fn what_does_not_fit_is_counted_and_nothing_is_drawn_of_one_thing() {
        assert!(draw(vec![node(1, &[])]).is_none());
        let many = std::iter::once(node(1, &[])).chain((0..20).map(|_| node(2, &[0]))).collect();
        let drawn = draw(many).expect("a drawing");
        assert_eq!((drawn.boxes.len(), drawn.left_out, drawn.nodes.len()), (9, 12, 21));
    }
}
