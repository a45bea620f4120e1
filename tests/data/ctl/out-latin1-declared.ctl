<?xml version="1.0" encoding="ISO-8859-1"?>
<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <Subject>Überweisung für Zoë</Subject>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
</DTSControl>
