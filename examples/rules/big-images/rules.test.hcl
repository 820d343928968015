test "a big image is told with its size" {
  event {
    source = "uploads"
    body   = file("put.json") # as MinIO posts it
  }

  expect {
    rule      = "big-image"
    plugin    = "ops"
    arguments = { text = "img/moon.png has 25 MiB" }
  }

  expect_deliveries = 1
}

test "ten MiB are big" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "img/a.png", size = 10 * mb } }
  }

  expect_deliveries = 1
}

test "smaller images, other folders and removals are left alone" {
  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "img/a.png", size = 10 * mb - 1 } }
  }

  event {
    source = "uploads"
    type   = "s3.object.created"
    data   = { object = { key = "tmp/a.png", size = 50 * mb } }
  }

  event {
    source = "uploads"
    type   = "s3.object.removed"
    data   = { object = { key = "img/a.png" } }
  }

  expect_deliveries = 0
}
