# Rooms behind an Amazon API Gateway WebSocket API. README.md beside this file tells the story; the *.tf files set the API up.

variable "endpoint" {
  description = "The API's stage: Terraform's output endpoint."
}

variable "region" {
  description = "Region of the API and the table: Terraform's output region."
  default     = "eu-west-1"
}

variable "table" {
  description = "DynamoDB table that lists the connections: Terraform's output table."
  default     = ""
}

variable "file" {
  description = "File that lists the connections in place of a table, to try it without AWS."
  default     = ""
}

source "websocket" "chat" {
  mode = "apigateway"
  path = "/chat"

  apigateway {
    secrets  = [env("POINTSMAN_GATEWAY_SECRET")] # add the new one in front while you replace it
    endpoint = var.endpoint
    region   = var.region
    table    = var.table
    file     = var.file
  }
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
  description = "The others hear that somebody came or left."

  on   = ["chat"]
  when = event.type != "websocket.message"

  dispatch "rooms" {
    json     = jsonencode({ presence = event.data.event_type })
    except   = event.data.connection_id
    order_by = event.data.room
  }
}
