<?xml version="1.0" encoding="windows-1252"?>
<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
</DTSControl>
