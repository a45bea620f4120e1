<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Report</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <Subject>Header line here</Subject>
  <LocalId>LL000001</LocalId>
  <Compress>Y</Compress>
  <Encrypted>N</Encrypted>
  <WorkflowId>DEMO_TEMPLATE</WorkflowId>
  <IsCompressed>N</IsCompressed>
  <AllowChunking>Y</AllowChunking>
  <StatusRecord>
    <DateTime>@DATETIME@</DateTime>
    <Event>COLLECT</Event>
    <Status>SUCCESS</Status>
    <StatusCode>00</StatusCode>
    <Description>Data collect success confirmation.</Description>
  </StatusRecord>
</DTSControl>
