test "both stores are heard" {
  event {
    source = "tokyo"
    type   = "s3.object.removed"
    data   = { object = { bucket = "main", key = "a" } }
  }

  event {
    source = "osaka"
    type   = "s3.object.removed"
    data   = { object = { bucket = "main", key = "b" } }
  }

  expect {
    arguments = { text = "Tokyo: a was removed from main" }
    count     = 1
  }

  expect {
    arguments = { text = "Osaka: b was removed from main" }
    count     = 1
  }

  expect_deliveries = 2
}

test "new objects are not told" {
  event {
    source = "osaka"
    type   = "s3.object.created"
    data   = { object = { bucket = "main", key = "b" } }
  }

  expect_deliveries = 0
}
