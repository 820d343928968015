test "an image of 9 MiB is told" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { bucket = "main", key = "img/b.png", size = 9 * mb } }
  }

  expect {
    rule   = "big-image"
    plugin = "ops"
  }
}

test "the text names the bucket" {
  event {
    source = "uploads"
    body   = file("testdata/put.json")
  }

  expect {
    rule      = "big-image"
    arguments = { text = "main/img/a.png has 30 MiB", color = "good" }
    order_key = "img/a.png"
  }
}

test "other folders are left alone" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { bucket = "main", key = "tmp/b.png", size = 90 * mb } }
  }

  expect_deliveries = 0
}
