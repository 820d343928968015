test "a big image is told" {
  event {
    source = "uploads"
    body   = file("testdata/put.json")
  }

  expect {
    rule      = "big-image"
    plugin    = "ops"
    arguments = { text = "img/a.png has 30 MiB" }
    order_key = "main/img/a.png"
  }

  expect_deliveries = 1
}

test "one MiB is enough where the limit is one" {
  variables = { limit = 1 }

  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { bucket = "main", key = "img/b.png", size = 1 * mb } }
  }

  expect {
    arguments = { text = "img/b.png has 1 MiB" }
  }
}
