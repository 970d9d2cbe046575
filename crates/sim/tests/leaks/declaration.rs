//! Declarations whose texts are canaries.

use node::DocumentContent;
use sim::{BEGINNING, Dice};
use wire::{Document, Limits};

/// The declaration from which the others are made.
const MODEL: &[u8] = include_bytes!("../../../corridor/declarations/gb-fr-it.xml");

/// One element of the declaration, by its name here: the same in every case.
pub type Canary = &'static str;

/// The elements of the document.
pub const TITLE: Canary = "Document/title";
pub const CONTENT: Canary = "Document/content";

/// A declaration and the values in it that are nowhere else.
pub struct Declared {
    pub xml: Vec<u8>,
    pub grn: base::Grn,
    /// A document that an officer sends besides.
    pub document: DocumentContent,
    pub canaries: Vec<(Canary, String)>,
}

/// The elements that take any text, and the longest that each may be.
const TEXTS: [(&str, usize); 20] = [
    ("TransitOperation/LRN", 22),
    ("HolderOfTheTransitProcedure/name", 70),
    ("HolderOfTheTransitProcedure/Address/streetAndNumber", 70),
    ("HolderOfTheTransitProcedure/Address/postcode", 17),
    ("HolderOfTheTransitProcedure/Address/city", 35),
    ("HolderOfTheTransitProcedure/ContactPerson/name", 70),
    ("HolderOfTheTransitProcedure/ContactPerson/phoneNumber", 35),
    ("Consignment/referenceNumberUCR", 35),
    ("Consignment/Consignor/name", 70),
    ("Consignment/Consignor/Address/streetAndNumber", 70),
    ("Consignment/Consignor/Address/city", 35),
    ("Consignment/Consignee/name", 70),
    ("Consignment/Consignee/Address/streetAndNumber", 70),
    ("Consignment/Consignee/Address/postcode", 17),
    ("Consignment/TransportEquipment/Seal/identifier", 20),
    ("Consignment/DepartureTransportMeans/identificationNumber", 35),
    ("Consignment/ActiveBorderTransportMeans/identificationNumber", 35),
    ("Consignment/HouseConsignment/ConsignmentItem/Commodity/descriptionOfGoods", 512),
    ("Consignment/HouseConsignment/ConsignmentItem/Commodity/GoodsMeasure/netMass", 12),
    ("Consignment/HouseConsignment/ConsignmentItem/Packaging/shippingMarks", 512),
];

impl Declared {
    /// The declaration of a case.
    pub fn draw(seed: u64) -> Self {
        let mut dice = Dice::of(seed, "declaration");
        let mut document = wire::read(MODEL, &Limits::default()).unwrap();
        document.set("messageRecipient", "NTA.GB");
        document.set("preparationDateAndTime", BEGINNING.message_form());
        document.set("CustomsOfficeOfDestinationDeclared/referenceNumber", "FR000130");
        document.set("Consignment/countryOfDestination", "FR");
        for transit in document.groups_mut("CustomsOfficeOfTransitDeclared") {
            transit.set("referenceNumber", "FR001260");
        }
        document
            .set("Consignment/ActiveBorderTransportMeans/customsOfficeAtBorderReferenceNumber", "FR001260");
        let mut canaries = Vec::new();
        for (path, longest) in TEXTS {
            let value = value(&mut dice, path, longest);
            fill(&mut document, path, &value);
            canaries.push((path, value));
        }
        let number = format!("{:04}", dice.between(0, 9999));
        let grn = base::Grn::issue(2026, base::Country::parse("GB").unwrap(), &number).unwrap();
        document.set("Guarantee/GuaranteeReference/GRN", &grn);
        document.set("Guarantee/GuaranteeReference/accessCode", "SI01");
        canaries.push(("GRN", grn.to_string()));
        let xml = wire::write(&document).unwrap();
        let (title, content) = (value(&mut dice, "title", 40), value(&mut dice, "content", 40));
        let document = DocumentContent {
            title: title.clone(),
            media_type: "text/plain".to_owned(),
            content: format!("-{content}-").into_bytes(),
        };
        canaries.extend([(TITLE, title), (CONTENT, content)]);
        Self { xml, grn, document, canaries }
    }
}

/// Sets an element wherever its group stands, so that the value is in no doubt.
fn fill(document: &mut Document, path: &str, value: &str) {
    let (group, element) = path.rsplit_once('/').unwrap();
    if document.groups(group).is_empty() {
        document.set(path, value);
    }
    for found in document.groups_mut(group) {
        found.set(element, value);
    }
}

/// A value that is nowhere else: random letters and digits after a few that are always the same.
fn value(dice: &mut Dice, path: &str, longest: usize) -> String {
    const LETTERS: [char; 32] = [
        'A', 'B', 'C', 'D', 'E', 'F', 'G', 'H', 'J', 'K', 'L', 'M', 'N', 'P', 'Q', 'R', 'S', 'T', 'U', 'V',
        'W', 'X', 'Y', 'Z', '2', '3', '4', '5', '6', '7', '8', '9',
    ];
    if path.ends_with("netMass") {
        return format!("{}.{:06}", dice.between(100, 999), dice.between(100_001, 999_999));
    }
    let length = dice.between(14, longest.min(40) as u64);
    let mut value = "QZ".to_owned();
    while (value.len() as u64) < length {
        value.push(*dice.pick(&LETTERS).unwrap());
    }
    value
}
