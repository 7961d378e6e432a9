use super::*;

#[test]
fn a_stream_goes_on_with_an_index() {
    let engine = Engine::new();
    let put = |key: &str| {
        let item = json!({"pk": {"S": key}, "sk": {"S": "-"}});
        engine.run("PutItem", &json!({"TableName": TABLE, "Item": item}).to_string()).unwrap();
    };
    let keys = || -> Vec<String> {
        let batch = engine.stream_batch();
        let records = batch["Records"].as_array().unwrap().iter();
        records.map(|it| it["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().into()).collect()
    };
    put("a");
    engine.index_stream();
    put("b");
    assert_eq!(keys(), ["a", "b"]);
    put("c");
    assert_eq!((keys(), engine.dump().len()), (vec!["c".to_owned()], 3));
}
