# A command in a chat is answered in its room.

source "websocket" "chat" {
  tokens = [env("CHAT_TOKEN")]
}

plugin "room-broadcast" "rooms" {
  settings {
    source = "chat"
  }
}

rule "time" {
  on   = ["chat"]
  when = event.type == "websocket.message" && event.data.text == "/time"

  dispatch "rooms" {
    room           = event.data.room
    text           = "It is ${formatdate("hh:mm", event.received, "Asia/Tokyo")} in Tokyo"
    include_sender = true
    order_by       = event.data.room
  }
}

rule "echo" {
  on   = ["chat"]
  when = event.type == "websocket.message" && startswith(event.data.text, "/echo ")

  dispatch "rooms" {
    text           = trimprefix(event.data.text, "/echo ")
    include_sender = true
    order_by       = event.data.room
  }
}
