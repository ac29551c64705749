//! Definitions as bytes and back, and in the slot of a component.

use super::*;

fn example() -> Definition {
    let call = |function, arguments: &[NodeIndex]| Node::Call { function, arguments: arguments.to_vec() };
    Definition {
        event_fields: vec![
            Field { name: "event_type".to_owned(), value_type: ValueType::Text, nullable: false },
            Field { name: "amount".to_owned(), value_type: ValueType::Float64, nullable: true },
        ],
        event: Program {
            nodes: vec![
                Node::Event(0),
                Node::Literal(Literal::Text("purchase".to_owned())),
                call(Function::Equal, &[0, 1]),
                Node::Event(1),
            ],
        },
        stores: vec![Store { filter: Some(2), value: Some(3), keep: Keep::Events { length: 90 } }],
        reads: vec![Read { store: 0, span: Span::Closed { length: 90, ago: 0 }, answer: Answer::Mean }],
        question: Program { nodes: vec![Node::Read(0)] },
        features: vec![Feature { name: "mean".to_owned(), nullable: true, documentation: String::new(), node: 0 }],
        ..Definition::default()
    }
}

fn refused(change: impl Fn(&mut Definition)) -> String {
    let mut definition = example();
    change(&mut definition);
    Definition::from_bytes(&definition.to_bytes()).expect_err("it does not hold together").to_string()
}

#[test]
fn what_was_written_comes_back() {
    let checked = Definition::from_bytes(&example().to_bytes()).expect("it holds together");
    assert_eq!(*checked.definition(), example());
    assert_eq!(checked.event_types(), [ValueType::Text, ValueType::Text, ValueType::Boolean, ValueType::Float64]);
    assert_eq!(checked.question_types(), [ValueType::Float64]);
}

#[test]
fn what_does_not_hold_together_is_refused() {
    let wrong = "the definition of the view: ";
    assert_eq!(refused(|d| d.features[0].node = 1), format!("{wrong}feature \"mean\" names no node"));
    assert_eq!(refused(|d| d.stores[0].filter = Some(3)), format!("{wrong}store 0: its filter is not a boolean"));
    assert_eq!(refused(|d| d.reads[0].answer = Answer::Share), format!("{wrong}read 0 is none of its store"));
    let longer = Span::Closed { length: 80, ago: 11 };
    assert_eq!(refused(|d| d.reads[0].span = longer), format!("{wrong}read 0 is none of its store"));
    assert_eq!(refused(|d| d.event.nodes[2] = Node::Read(0)), format!("{wrong}node 2 of its event has no type"));
    assert_eq!(refused(|d| d.event.nodes.swap(0, 2)), format!("{wrong}node 0 of its event has no type"));
}

#[test]
fn damaged_bytes_are_refused() {
    let bytes = example().to_bytes();
    for length in 0..bytes.len() {
        assert!(Definition::from_bytes(&bytes[..length]).is_err(), "{length}");
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(Definition::from_bytes(&longer).is_err());
    let mut newer = bytes;
    newer[0] += 1;
    let refused = Definition::from_bytes(&newer).expect_err("another version").to_string();
    assert_eq!(refused, "the definition of the view: its version is 2, and this component runs version 1");
}

#[test]
fn a_slot_is_filled_and_nothing_is_left_of_what_it_had() {
    let slot = |bytes: &[u8]| {
        let mut component = b"before".to_vec();
        component.extend(MARKER);
        component.extend([0; 4]);
        component.extend([0x5a; CAPACITY]);
        component.extend(b"after");
        Slot::fill(&component, bytes)
    };
    let filled = slot(b"short").expect("it fits");
    assert_eq!(Slot::read(&filled), Ok(&b"short"[..]));
    assert!(filled.starts_with(b"before") && filled.ends_with(b"after"));
    let longer = Slot::fill(&filled, &[7; 100]).expect("it fits");
    assert_eq!(Slot::fill(&longer, b"short"), Ok(filled));
    assert!(slot(&[1; CAPACITY]).is_ok());
    assert_eq!(slot(&[1; CAPACITY + 1]), Err(SlotError::TooLong(CAPACITY + 1)));
    assert_eq!(Slot::fill(b"nothing", b"short"), Err(SlotError::NoSlot));
    let twice = [MARKER.as_slice(), &[0; CAPACITY], &MARKER, &[0; CAPACITY]].concat();
    assert_eq!(Slot::fill(&twice, b"short"), Err(SlotError::NoSlot));
}
