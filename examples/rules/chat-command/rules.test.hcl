test "the time is told to the room" {
  event {
    source   = "chat"
    room     = "lobby"
    body     = "/time"
    received = "2026-11-27T09:30:00Z"
  }

  expect {
    rule      = "time"
    arguments = { room = "lobby", text = "It is 18:30 in Tokyo", include_sender = true }
    order_key = "lobby"
  }

  expect_deliveries = 1
}

test "an echo" {
  event {
    source = "chat"
    room   = "lobby"
    body   = "/echo hello"
  }

  expect {
    rule      = "echo"
    arguments = { text = "hello" }
  }

  expect_deliveries = 1
}

test "talk is not a command, and neither is somebody who comes" {
  event {
    source = "chat"
    room   = "lobby"
    body   = "what is /time"
  }

  event {
    source     = "chat"
    room       = "lobby"
    event_type = "connect"
  }

  expect_deliveries = 0
}
