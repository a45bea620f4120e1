<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Report</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC1</To_DTS>
  <Subject></Subject>
  <LocalId></LocalId>
  <WorkflowId></WorkflowId>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>RECEIVE</Event>
    <Status>ERROR</Status>
    <StatusCode>15</StatusCode>
    <Description>poll failed, see the log of meshdropd: the list of the inbox of mailbox X26ABC1 was answered HTTP 500</Description>
  </StatusRecord>
</DTSControl>
