# Chat rooms in a browser that also announce finished measurements. README.md beside this file explains it.

variable "page" {
  description = "The file that browsers get."
  default     = "examples/chat-room/index.html"
}

variable "token" {
  description = "What a visitor must show. Empty: everybody who can reach the router is let in."
  default     = ""
}

source "websocket" "chat" {
  path   = "/"
  page   = var.page
  tokens = var.token == "" ? [] : [var.token]

  # A browser can show a token in no other place than among the subprotocols, and wants one of them back.
  subprotocols = ["chat"]
}

source "intdash" "lab" {
  path    = "/hooks/intdash"
  secrets = [env("INTDASH_SECRET")]
}

plugin "room-broadcast" "rooms" {
  settings {
    source = "chat"
  }
}

rule "talk" {
  description = "Repeats a message to everybody else in the room, in order."

  on   = ["chat"]
  when = event.type == "websocket.message" && event.data.body.data != null

  dispatch "rooms" {
    order_by = event.data.room
  }
}

rule "presence" {
  description = "The others hear that somebody came or left. Pages then ask who is there."

  on   = ["chat"]
  when = event.type != "websocket.message"

  dispatch "rooms" {
    json     = jsonencode({ presence = event.data.event_type })
    except   = event.data.connection_id
    order_by = event.data.room
  }
}

rule "measurement" {
  description = "Tells the room lab about every completed measurement."

  on   = ["lab"]
  when = event.data.resource_type == "measurement" && event.data.action == "completed"

  dispatch "rooms" {
    room = "lab"
    json = jsonencode({ name = "intdash", text = "Measurement ${event.data.measurement_uuid} is complete" })
  }
}
