<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Report</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <Subject>Clinic letters</Subject>
  <LocalId>letters-0417</LocalId>
  <DTSId></DTSId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
  <IsCompressed>N</IsCompressed>
  <AllowChunking>Y</AllowChunking>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>SEND</Event>
    <Status>ERROR</Status>
    <StatusCode>11</StatusCode>
    <Description>MessageType is not Data: only data can be sent</Description>
  </StatusRecord>
</DTSControl>
