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
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Poll Report Success confirmation</Description>
  </StatusRecord>
</DTSControl>
