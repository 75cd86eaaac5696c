//! Canonical forms, as libxml2 writes them too.

use super::super::xml;
use super::canonical;
use roxmltree::Node;

/// Canonicalises the element named `e`, without the one named `out`.
fn form(text: &str, inclusive: &str) -> String {
    let document = xml::parse(text).unwrap();
    let named = |name: &str| {
        let mut all = document.descendants();
        all.find(|node: &Node<'_, '_>| node.tag_name().name() == name)
    };
    let without = named("out").map(|node| node.id());
    String::from_utf8(canonical(named("e").unwrap(), without, inclusive).unwrap()).unwrap()
}

#[test]
fn canonical_forms() {
    for (text, inclusive, wanted) in [
        // Empty elements, quotes, the order of attributes, white space in tags.
        ("<e  b='2'\n a = \"1\" />", "", r#"<e a="1" b="2"></e>"#),
        // Attributes without a namespace come first, then by URI and not by prefix.
        (
            "<e xmlns:a='urn:z' xmlns:b='urn:y' a:k='1' b:k='2' z='3'/>",
            "",
            r#"<e xmlns:a="urn:z" xmlns:b="urn:y" z="3" b:k="2" a:k="1"></e>"#,
        ),
        // What is not used is not declared; what is used is, where it is used.
        (
            "<e xmlns:a='urn:a' xmlns:b='urn:b'><a:c/><d b:x=''/></e>",
            "",
            r#"<e><a:c xmlns:a="urn:a"></a:c><d xmlns:b="urn:b" b:x=""></d></e>"#,
        ),
        // From around, and not twice.
        (
            "<r xmlns='urn:d' xmlns:a='urn:a'><a:e><a:c><f/></a:c></a:e></r>",
            "",
            r#"<a:e xmlns:a="urn:a"><a:c><f xmlns="urn:d"></f></a:c></a:e>"#,
        ),
        // A prefix that means something else further in, and again.
        (
            "<a:e xmlns:a='urn:1'><a:c xmlns:a='urn:2'><a:d xmlns:a='urn:1'/></a:c><a:c/></a:e>",
            "",
            r#"<a:e xmlns:a="urn:1"><a:c xmlns:a="urn:2"><a:d xmlns:a="urn:1"></a:d></a:c><a:c></a:c></a:e>"#,
        ),
        // The default namespace taken back.
        (
            "<e xmlns='urn:1'><c xmlns=''><d xmlns=''/></c></e>",
            "",
            r#"<e xmlns="urn:1"><c xmlns=""><d></d></c></e>"#,
        ),
        ("<r xmlns='urn:1'><e xmlns=''/></r>", "", "<e></e>"),
        // Prefixes to be kept, where they are in scope.
        (
            "<r xmlns:xs='urn:xs' xmlns='urn:d'><p:e xmlns:p='urn:p' t='xs:string'/></r>",
            "xs  #default none",
            r#"<p:e xmlns="urn:d" xmlns:p="urn:p" xmlns:xs="urn:xs" t="xs:string"></p:e>"#,
        ),
        // Nothing of around but namespaces.
        (
            "<r xml:lang='de'><e xml:space='preserve'> </e></r>",
            "",
            r#"<e xml:space="preserve"> </e>"#,
        ),
        // Characters in text and in values.
        (
            "<e a='&lt;&gt;&amp;&quot;&apos;&#9;&#10;&#13; \t'>&lt;&gt;&amp;\"'&#9;\r\n&#13;é&#x1F600;</e>",
            "",
            "<e a=\"&lt;>&amp;&quot;'&#x9;&#xA;&#xD;  \">&lt;&gt;&amp;\"'\t\n&#xD;é\u{1f600}</e>",
        ),
        (
            "<e><![CDATA[<a>&amp;]]>x</e>",
            "",
            "<e>&lt;a&gt;&amp;amp;x</e>",
        ),
        // Without the signature, and the white space around it stays.
        ("<e>\n <out><x/></out>\n</e>", "", "<e>\n \n</e>"),
    ] {
        assert_eq!(form(text, inclusive), wanted, "{text}");
    }
}

#[test]
fn few_prefixes_are_kept() {
    let document = xml::parse("<e/>").unwrap();
    let form = |prefixes: usize| canonical(document.root_element(), None, &"a ".repeat(prefixes));
    assert!(form(16).is_some());
    assert!(form(17).is_none());
}
