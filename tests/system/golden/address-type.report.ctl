<DTSControl>
  <Version>1.0</Version>
  <AddressType>POST</AddressType>
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
    <StatusCode>10</StatusCode>
    <Description>AddressType is none of DTS, SMTP and ALL</Description>
  </StatusRecord>
</DTSControl>
