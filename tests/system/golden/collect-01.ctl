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
    <Event>COLLECT</Event>
    <Status>ERROR</Status>
    <StatusCode>01</StatusCode>
    <Description>.ctl file is missing or inaccessible</Description>
  </StatusRecord>
</DTSControl>
