<?xml version="1.0"?>
<!DOCTYPE DTSControl SYSTEM "http://127.0.0.1/x.dtd" [
<!ENTITY % p SYSTEM "file:///etc/passwd">
%p;
]>
<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
</DTSControl>
